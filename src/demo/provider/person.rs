//! The people that an issuer knows, and those that it begins with.

use super::issuer::Issuer;

/// An account at an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Opaque, and stable for ever.
    pub sub: String,
    /// Unique at its issuer.
    pub username: String,
    pub name: String,
    pub email: Option<String>,
    /// None: the issuer says nothing of it.
    pub email_verified: Option<bool>,
    pub picture: Option<String>,
    pub groups: Vec<String>,
}

impl Person {
    /// Somebody with a verified address; change what should be otherwise.
    pub fn new(sub: &str, username: &str, name: &str, email: &str) -> Self {
        Self {
            sub: sub.to_owned(),
            username: username.to_owned(),
            name: name.to_owned(),
            email: Some(email.to_owned()),
            email_verified: Some(true),
            picture: None,
            groups: Vec::new(),
        }
    }

    fn in_groups(mut self, groups: &[&str]) -> Self {
        self.groups = groups.iter().map(|&group| group.to_owned()).collect();
        self
    }

    fn with_picture(mut self) -> Self {
        let username = &self.username;
        self.picture = Some(format!("https://pictures.acme.example/{username}.png"));
        self
    }

    fn verified(mut self, verified: Option<bool>) -> Self {
        self.email_verified = verified;
        self
    }

    fn without_email(mut self) -> Self {
        self.email = None;
        self.email_verified = None;
        self
    }

    /// The people of the sample organization, as the issuer knows them. Hub knows some of
    /// Acme's, under other subjects and names.
    pub fn sample(issuer: Issuer) -> Vec<Self> {
        match issuer {
            Issuer::Acme => vec![
                Self::new("a-7f31c0", "ada", "Ada Marlow", "ada@acme.example")
                    .in_groups(&["engineering", "admins"])
                    .with_picture(),
                Self::new("a-19d4be", "bo", "Bo Lindqvist", "bo@acme.example")
                    .in_groups(&["engineering"])
                    .with_picture(),
                Self::new("a-52aa07", "noor", "Noor Haddad", "noor@acme.example")
                    .in_groups(&["design"]),
                Self::new("a-c08e66", "iris", "Iris Okafor", "iris@acme.example")
                    .in_groups(&["design"])
                    .verified(Some(false)),
                Self::new("a-e3b912", "teo", "Teo Varga", "teo@acme.example").verified(None),
                Self::new("a-48d0f5", "lena", "Lena Brandt", "lena@acme.example"),
                Self::new("a-90c7d3", "kim", "Kim Sato", "").without_email(),
                Self::new("a-b6612e", "sam", "Sam Stranger", "sam@elsewhere.example"),
            ],
            Issuer::Hub => vec![
                Self::new("4471", "amarlow", "Ada M.", "ada@acme.example"),
                Self::new("4502", "bosse", "Bo", "bo@hub.example"),
                Self::new("4517", "noor-h", "Noor Haddad", "noor@acme.example"),
                Self::new("9001", "drifter", "Dree Fter", "drifter@hub.example"),
            ],
        }
    }
}
