//! A store that takes everything and keeps nothing: to measure all but the store.

use super::{Insert, Rows, Select, Store, StoreError};

#[derive(Debug, Clone, Copy, Default)]
pub struct NullStore;

impl Store for NullStore {
    fn execute(&self, _statement: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn select(&self, _select: &Select<'_>) -> Result<Rows, StoreError> {
        Ok(Rows::default())
    }

    fn derive(&self, _statement: &Select<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn insert(&self, _insert: &Insert<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}
