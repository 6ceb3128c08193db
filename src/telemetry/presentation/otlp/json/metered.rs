//! Lists that grow by the meter.

use crate::telemetry::presentation::otlp::meter::{Meter, MeterError};

/// Least number of items that room is made for.
const ITEMS_MIN: usize = 64;

/// Adds an item; what the list needs to grow is taken from the meter first.
#[inline]
pub fn push<T>(list: &mut Vec<T>, item: T, meter: &mut Meter<'_>) -> Result<(), MeterError> {
    if list.len() == list.capacity() {
        grow(list, meter)?;
    }
    list.push(item);
    Ok(())
}

/// The old items live until they are copied, so what was taken for them stays taken.
#[cold]
fn grow<T>(list: &mut Vec<T>, meter: &mut Meter<'_>) -> Result<(), MeterError> {
    let capacity = (2 * list.capacity()).max(ITEMS_MIN);
    meter.take(capacity * size_of::<T>())?;
    list.reserve_exact(capacity - list.len());
    Ok(())
}
