//! The schema as data: which type each field answers with.

use std::collections::{HashMap, HashSet};

use async_graphql::Pos;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, OperationType, Type, TypeKind,
    TypeSystemDefinition,
};

/// The schema's types, and the type of each field of objects and interfaces.
#[derive(Debug)]
pub struct Types {
    names: HashSet<String>,
    fields: HashMap<String, HashMap<String, Type>>,
}

/// Types that a schema definition doesn't define.
const BUILT_IN: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

impl Types {
    /// Reads the schema definition that this server itself has written.
    ///
    /// # Errors
    /// The text is no schema definition.
    pub fn read(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        let mut names: HashSet<String> = BUILT_IN.map(str::to_owned).into();
        let mut fields: HashMap<String, HashMap<String, Type>> = HashMap::new();
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            names.insert(name.clone());
            let own = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Scalar
                | TypeKind::Union(_)
                | TypeKind::Enum(_)
                | TypeKind::InputObject(_) => continue,
            };
            let own = own.into_iter().map(|field| field.node);
            fields
                .entry(name)
                .or_default()
                .extend(own.map(|field| (field.name.node.to_string(), field.ty.node)));
        }
        Ok(Self { names, fields })
    }

    /// A variable's type that there isn't. Validation would tell, if it didn't panic over the
    /// default value of such a variable.
    pub fn unknown<'a>(&self, document: &'a ExecutableDocument) -> Option<(&'a str, Pos)> {
        document
            .operations
            .iter()
            .flat_map(|(_, operation)| &operation.node.variable_definitions)
            .map(|definition| &definition.node.var_type)
            .map(|var_type| (name_of(&var_type.node.base), var_type.pos))
            .find(|(name, _)| !self.names.contains(*name))
    }

    /// All fields of objects and interfaces: type and field. Tests walk them.
    pub fn all_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .flat_map(|(name, fields)| fields.keys().map(|field| (name.as_str(), field.as_str())))
    }

    /// What a field answers with.
    pub fn of_field(&self, parent: &str, field: &str) -> Option<&Type> {
        self.fields.get(parent)?.get(field)
    }
}

/// The type of an operation's own fields.
pub const fn root_of(operation: &OperationDefinition) -> &'static str {
    match operation.ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// The name of a type, without its lists.
pub fn name_of(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => name_of(&inner.base),
    }
}
