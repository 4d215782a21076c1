//! Secrets of the server itself, and the master keys that this database has seen.

use sea_orm::entity::prelude::*;

use crate::clock::Time;
use crate::database::Sealed;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "secret")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub value_sealed: Sealed,
    pub date_added: Time,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A master key's check value.
pub mod master_key {
    use sea_orm::entity::prelude::*;

    use crate::clock::Time;
    use crate::database::Sealed;

    #[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "master_key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub check_sealed: Sealed,
        pub date_added: Time,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
