//! A page as its tags, for the tests: strict, because the templates write no other HTML.

/// A tag that opens an element.
#[derive(Debug)]
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
}

impl Tag {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

const VOID: [&str; 5] = ["meta", "link", "img", "input", "br"];

/// The tags of a page in order; panics where elements don't nest or an attribute isn't quoted.
pub fn tags(html: &str) -> Vec<Tag> {
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    let mut open: Vec<String> = Vec::new();
    let mut tags = Vec::new();
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains('>'), "a stray > in {text:?}");
        rest = &rest[at + 1..];
        if let Some(closing) = rest.strip_prefix('/') {
            let (name, after) = closing.split_once('>').expect("a closed tag");
            assert_eq!(open.pop().as_deref(), Some(name), "what closes was open");
            rest = after;
            continue;
        }
        let end = rest.find([' ', '>']).expect("a closed tag");
        let name = rest[..end].to_owned();
        assert!(
            name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{name:?}"
        );
        rest = &rest[end..];
        let mut attributes = Vec::new();
        while let Some(attribute) = rest.strip_prefix(' ') {
            let end = attribute.find(['=', ' ', '>']).expect("a closed tag");
            let key = attribute[..end].to_owned();
            rest = &attribute[end..];
            let mut value = "";
            if let Some(quoted) = rest.strip_prefix("=\"") {
                (value, rest) = quoted.split_once('"').expect("a closed value");
            }
            assert!(!value.contains('<'), "{key}={value:?}");
            attributes.push((key, unescaped(value)));
        }
        rest = rest
            .strip_prefix('>')
            .expect("an attribute or the tag's end");
        tags.push(Tag {
            name: name.clone(),
            attributes,
        });
        if !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<String>::new(), "everything is closed");
    tags
}

fn unescaped(value: &str) -> String {
    value
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}
