//! The served schema, and the smallest document that asks for one of its fields.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::support::app::App;

/// A field and the type that has it.
pub type Step = (String, String);

/// Arguments, by their places: `Mutation.linkIdentity.input.userId`. What is not given is
/// written only where the schema demands it.
pub type Given = HashMap<&'static str, String>;

const INTROSPECTION: &str = "{ __schema { types { kind name
    fields(includeDeprecated: true) { name type { ...T } args { name defaultValue type { ...T } } }
    inputFields { name defaultValue type { ...T } }
    enumValues(includeDeprecated: true) { name }
} } }
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// What the server says that it serves.
pub struct Schema {
    types: BTreeMap<String, Value>,
}

impl Schema {
    pub async fn read(app: &App) -> Self {
        let data = app.ask(INTROSPECTION).by_nobody().data().await;
        let types = data["__schema"]["types"].as_array().unwrap().iter();
        Self {
            types: types
                .map(|found| (found["name"].as_str().unwrap().to_owned(), found.clone()))
                .filter(|(name, _)| !name.starts_with("__"))
                .collect(),
        }
    }

    /// All fields of objects and interfaces.
    pub fn fields(&self) -> Vec<Step> {
        let of_type = |(name, found): (&String, &Value)| {
            named(&found["fields"])
                .into_iter()
                .map(|field| (name.clone(), field))
                .collect::<Vec<_>>()
        };
        self.types.iter().flat_map(of_type).collect()
    }

    /// The fields of one type.
    pub fn fields_of(&self, name: &str) -> Vec<String> {
        named(&self.types[name]["fields"])
    }

    /// The input type and its field at a path of a field's arguments, as the schema has it.
    pub fn argument(&self, parent: &str, field: &str, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let mut found = one(&self.field(parent, field)?["args"], first)?;
        for name in rest {
            let input = innermost(&found["type"])["name"].as_str()?;
            found = one(&self.types.get(input)?["inputFields"], name)?;
        }
        Some(innermost(&found["type"]))
    }

    pub fn has_enum_value(&self, name: &str, value: &str) -> bool {
        named(&self.types[name]["enumValues"]).contains(&value.to_owned())
    }

    /// The document that follows the path and asks for the last field's least.
    pub fn document(&self, path: &[Step], given: &Given) -> String {
        let mut text = String::new();
        for (index, (parent, field)) in path.iter().enumerate().rev() {
            let found = self.field(parent, field).expect("a field of the schema");
            let answer = innermost(&found["type"]);
            if let Some((next, _)) = path.get(index + 1) {
                text = if answer["name"] == next.as_str() {
                    format!(" {{ {text} }}")
                } else {
                    format!(" {{ ... on {next} {{ {text} }} }}")
                };
            } else if ["OBJECT", "INTERFACE", "UNION"].contains(&answer["kind"].as_str().unwrap()) {
                text = " { __typename }".to_owned();
            }
            text = format!("{field}{}{text}", self.arguments(parent, field, given));
        }
        match path[0].0.as_str() {
            "Mutation" => format!("mutation {{ {text} }}"),
            _ => format!("{{ {text} }}"),
        }
    }

    fn field(&self, parent: &str, field: &str) -> Option<&Value> {
        one(&self.types.get(parent)?["fields"], field)
    }

    fn arguments(&self, parent: &str, field: &str, given: &Given) -> String {
        let found = self.field(parent, field).expect("a field of the schema");
        let written = self.inputs(&found["args"], &format!("{parent}.{field}"), given);
        if written.is_empty() {
            String::new()
        } else {
            format!("({written})")
        }
    }

    fn inputs(&self, inputs: &Value, place: &str, given: &Given) -> String {
        let mut written = Vec::new();
        for input in inputs.as_array().unwrap() {
            let name = input["name"].as_str().unwrap();
            let place = format!("{place}.{name}");
            let wanted = given.keys().any(|given| {
                given
                    .strip_prefix(&place)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            });
            let demanded = input["type"]["kind"] == "NON_NULL" && input["defaultValue"].is_null();
            if wanted || demanded {
                let value = self.literal(&input["type"], &place, given);
                written.push(format!("{name}: {value}"));
            }
        }
        written.join(", ")
    }

    fn literal(&self, of_type: &Value, place: &str, given: &Given) -> String {
        if let Some(value) = given.get(place) {
            return value.clone();
        }
        let name = of_type["name"].as_str().unwrap_or_default();
        match of_type["kind"].as_str().unwrap() {
            "NON_NULL" => self.literal(&of_type["ofType"], place, given),
            "LIST" => format!("[{}]", self.literal(&of_type["ofType"], place, given)),
            "ENUM" => named(&self.types[name]["enumValues"])[0].clone(),
            "INPUT_OBJECT" => {
                let fields = &self.types[name]["inputFields"];
                format!("{{ {} }}", self.inputs(fields, place, given))
            }
            _ => match name {
                "String" => "\"text\"".to_owned(),
                "Int" => "1".to_owned(),
                "Boolean" => "true".to_owned(),
                "JSON" => "{}".to_owned(),
                "DateTime" => "\"2030-01-01T00:00:00Z\"".to_owned(),
                _ => panic!("give a value for {place}, a {name}"),
            },
        }
    }
}

fn named(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|entry| entry["name"].as_str().unwrap().to_owned())
        .collect()
}

fn one<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|entry| entry["name"] == name)
}

fn innermost(of_type: &Value) -> &Value {
    match &of_type["ofType"] {
        Value::Null => of_type,
        inner => innermost(inner),
    }
}
