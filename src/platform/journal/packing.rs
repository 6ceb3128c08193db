//! Packs payloads as LZ4 blocks. Each thread keeps its table and its buffer, so that packing allocates nothing.

use std::cell::RefCell;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

use super::options::KEPT_BUFFER_BYTES_MAX;

/// What is shorter is not tried: a block on disk is longer.
const PLAIN_BYTES_MIN: usize = 64;
/// Up to here a table of half the size does.
const SMALL_BYTES_MAX: usize = u16::MAX as usize - 1;

struct Packer {
    small: CompressTable,
    large: CompressTable,
    buffer: Vec<u8>,
}

thread_local! {
    static PACKER: RefCell<Packer> = RefCell::new(Packer {
        small: CompressTable::small(),
        large: CompressTable::large(),
        buffer: Vec::new(),
    });
}

/// Hands `then` the packed payload; nothing if that is not shorter.
pub(super) fn packed<T>(plain: &[u8], then: impl FnOnce(Option<&[u8]>) -> T) -> T {
    if plain.len() < PLAIN_BYTES_MIN {
        return then(None);
    }
    PACKER.with_borrow_mut(|packer| {
        let Packer { small, large, buffer } = packer;
        let room = get_maximum_output_size(plain.len());
        if buffer.len() < room {
            buffer.resize(room, 0);
        }
        let table = if plain.len() <= SMALL_BYTES_MAX { small } else { large };
        let packed = compress_into_with_table(plain, buffer, table).ok();
        let result = then(packed.filter(|bytes| *bytes < plain.len()).and_then(|bytes| buffer.get(..bytes)));
        if buffer.capacity() > KEPT_BUFFER_BYTES_MAX {
            *buffer = Vec::new();
        }
        result
    })
}
