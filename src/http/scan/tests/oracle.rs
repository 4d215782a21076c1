//! Counts in the parser's syntax tree what the scan counts in the text.

use async_graphql::parser::Positioned;
use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, Selection, SelectionSet, Type,
};
use async_graphql::{Name, Value};

#[derive(Debug, Default, PartialEq)]
pub struct Counts {
    pub nesting: usize,
    pub aliases: usize,
    pub directives: usize,
}

pub fn counts(document: &ExecutableDocument) -> Counts {
    let mut counts = Counts::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        for variable in &operation.variable_definitions {
            let variable = &variable.node;
            counts.reach(1 + type_depth(&variable.var_type.node));
            counts.directives(1, &variable.directives);
            if let Some(default) = &variable.default_value {
                counts.reach(1 + depth(&default.node));
            }
        }
        if !operation.variable_definitions.is_empty() {
            counts.reach(1);
        }
        counts.directives(0, &operation.directives);
        counts.selections(0, &operation.selection_set.node);
    }
    for fragment in document.fragments.values() {
        counts.directives(0, &fragment.node.directives);
        counts.selections(0, &fragment.node.selection_set.node);
    }
    counts
}

impl Counts {
    fn reach(&mut self, depth: usize) {
        self.nesting = self.nesting.max(depth);
    }

    fn selections(&mut self, outside: usize, set: &SelectionSet) {
        if set.items.is_empty() {
            return;
        }
        let inside = outside + 1;
        self.reach(inside);
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let names = field.alias.iter().chain([&field.name]);
                    self.aliases += names.filter(|name| name.node == "__typename").count();
                    self.aliases += usize::from(field.alias.is_some());
                    for (_, argument) in &field.arguments {
                        let argument = argument.node.clone().into_const_with(no_variables);
                        self.reach(inside + 1 + argument.as_ref().map_or(0, depth));
                    }
                    self.directives(inside, &field.directives);
                    self.selections(inside, &field.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(inside, &spread.node.directives);
                }
                Selection::InlineFragment(fragment) => {
                    self.directives(inside, &fragment.node.directives);
                    self.selections(inside, &fragment.node.selection_set.node);
                }
            }
        }
    }

    fn directives(&mut self, outside: usize, directives: &[Positioned<Directive>]) {
        self.directives += directives.len();
        for (_, argument) in directives
            .iter()
            .flat_map(|directive| &directive.node.arguments)
        {
            let argument = argument.node.clone().into_const_with(no_variables);
            self.reach(outside + 1 + argument.as_ref().map_or(0, depth));
        }
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "into_const_with asks for a result"
)]
fn no_variables(_: Name) -> Result<Value, ()> {
    Ok(Value::Null)
}

fn type_depth(of: &Type) -> usize {
    match &of.base {
        BaseType::List(of) => 1 + type_depth(of),
        BaseType::Named(_) => 0,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
