//! *Scenario*: coming segments are filled on a thread of their own, over the simulated file system.
//! *Guarantees*: a spare file is whole, and what could not be made whole is not left behind.

use std::io::ErrorKind;

use super::simulated::{Fault, Simulated};
use crate::platform::journal::filling::Filler;
use crate::platform::lifecycle::Lifecycle;

const STEP_BYTES: u64 = 512;
const FILE_BYTES: u64 = 4_096;

/// Its thread may end when it likes.
fn filler(fs: &Simulated, file_bytes: u64) -> Filler {
    let lifecycle = Lifecycle::default();
    lifecycle.stop();
    Filler::start(fs.shared(), STEP_BYTES, file_bytes, &lifecycle).unwrap()
}

#[test]
fn files_that_were_ordered_come_whole_and_in_order() {
    let fs = Simulated::new();
    let mut filler = filler(&fs, FILE_BYTES);
    assert!([7, 8].into_iter().all(|number| filler.order(number)));
    assert_eq!(filler.pending(), 2);
    let names = [filler.wait().unwrap(), filler.wait().unwrap()];
    assert_eq!(names, ["0000000000000007.free", "0000000000000008.free"]);
    assert_eq!(fs.names(), names);
    assert!(fs.contents().values().all(|bytes| *bytes == [0; FILE_BYTES as usize]));
    assert_eq!(filler.pending(), 0);
    assert!(filler.collect().is_none());
}

#[test]
fn a_disk_without_space_is_said_to_be_one_and_keeps_nothing() {
    let fs = Simulated::new();
    fs.inject(Fault::Capacity(FILE_BYTES - 1));
    let mut filler = filler(&fs, FILE_BYTES);
    assert!(filler.order(1));
    assert_eq!(filler.wait().unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(fs.names().is_empty());
}

#[test]
fn a_filler_that_is_dropped_leaves_no_half_of_a_file() {
    let fs = Simulated::new();
    let mut filler = filler(&fs, 1 << 20);
    assert!(filler.order(1));
    drop(filler);
    assert!(fs.names().iter().all(|name| name.ends_with(".free")), "{:?}", fs.names());
}
