//! `Lists`: a list in each row, all of them in one vector.

/// One list per row. The list of a row ends where the next one begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists<T> {
    values: Vec<T>,
    ends: Vec<usize>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { values: Vec::new(), ends: Vec::new() }
    }
}

impl<T> Lists<T> {
    /// Adds a row.
    pub fn push(&mut self, list: impl IntoIterator<Item = T>) {
        self.values.extend(list);
        self.ends.push(self.values.len());
    }

    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn get(&self, row: usize) -> Option<&[T]> {
        let start = row.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.values.get(start..*self.ends.get(row)?)
    }

    /// The lists of all rows, one after the other.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Where each row's list ends within [`Self::values`].
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// What the vectors hold in memory; not what values own beside them.
    pub fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T>() + self.ends.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_own_list_also_if_it_is_empty() {
        let mut lists = Lists::default();
        for list in [&[1, 2][..], &[], &[3]] {
            lists.push(list.iter().copied());
        }
        let rows: Vec<_> = (0..4).map(|row| lists.get(row)).collect();
        assert_eq!(rows, [Some(&[1, 2][..]), Some(&[]), Some(&[3]), None]);
        assert_eq!((lists.values(), lists.ends()), (&[1, 2, 3][..], &[2, 2, 3][..]));
    }
}
