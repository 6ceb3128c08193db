//! A file system in memory that crashes at any step, loses and tears what was not synced, fails to sync, runs out of
//! space and flips bits.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::platform::journal::file_system::{FileSystem, JournalFile, QUARANTINE};

#[derive(Debug, Clone)]
pub struct Simulated(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    names: BTreeMap<String, usize>,
    names_on_disk: BTreeMap<String, usize>,
    /// What `names` is ahead by, in order.
    unsynced_names: Vec<NameChange>,
    files: Vec<Contents>,
    random: fastrand::Rng,
    capacity: u64,
    /// Changes until everything stops.
    crash_in: Option<u32>,
    crashed: bool,
    failing_syncs: u32,
    failing_writes: u32,
    writes_without_space: u32,
}

#[derive(Debug, Clone)]
enum NameChange {
    Set(String, usize),
    Move(String, String),
    Remove(String),
}

#[derive(Debug, Default, Clone)]
struct Contents {
    seen: Vec<u8>,
    on_disk: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
    /// A sync failed: what later ones say is not to be believed until the restart.
    is_broken: bool,
}

#[derive(Debug, Clone, Copy)]
pub enum Fault {
    CrashIn(u32),
    Syncs(u32),
    Writes(u32),
    WritesWithoutSpace(u32),
    Capacity(u64),
}

impl Simulated {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            names: BTreeMap::new(),
            names_on_disk: BTreeMap::new(),
            unsynced_names: Vec::new(),
            files: Vec::new(),
            random: fastrand::Rng::with_seed(1),
            capacity: u64::MAX,
            crash_in: None,
            crashed: false,
            failing_syncs: 0,
            failing_writes: 0,
            writes_without_space: 0,
        })))
    }

    pub fn shared(&self) -> Arc<dyn FileSystem> {
        Arc::new(self.clone())
    }

    pub fn inject(&self, fault: Fault) {
        let mut state = self.0.lock();
        match fault {
            Fault::CrashIn(steps) => state.crash_in = Some(steps),
            Fault::Syncs(count) => state.failing_syncs = count,
            Fault::Writes(count) => state.failing_writes = count,
            Fault::WritesWithoutSpace(count) => state.writes_without_space = count,
            Fault::Capacity(bytes) => state.capacity = bytes,
        }
    }

    pub fn is_crashed(&self) -> bool {
        self.0.lock().crashed
    }

    /// The power comes back: some of what was not synced is there, whole or in pieces, and some is not.
    pub fn restart(&self, seed: u64) {
        let mut state = self.0.lock();
        let mut random = fastrand::Rng::with_seed(seed);
        let kept = random.usize(0..=state.unsynced_names.len());
        for change in state.unsynced_names.clone().into_iter().take(kept) {
            change.apply(&mut state.names_on_disk);
        }
        for file in &mut state.files {
            for (offset, bytes) in std::mem::take(&mut file.unsynced) {
                tear(&mut file.on_disk, offset, &bytes, &mut random);
            }
            file.seen.clone_from(&file.on_disk);
            file.is_broken = false;
        }
        state.unsynced_names.clear();
        state.names = state.names_on_disk.clone();
        (state.crashed, state.crash_in) = (false, None);
        (state.failing_syncs, state.failing_writes, state.writes_without_space) = (0, 0, 0);
        state.capacity = u64::MAX;
        state.random = random;
    }

    /// Damages one byte that is not zero, of any file that is not set aside; false if there is none.
    pub fn flip(&self, seed: u64) -> bool {
        let mut state = self.0.lock();
        let mut random = fastrand::Rng::with_seed(seed);
        let named = state.names.iter().filter(|(name, _)| !name.starts_with(QUARANTINE));
        let named: Vec<_> = named.map(|(_, index)| *index).collect();
        let Some(index) = random.choice(named) else { return false };
        let file = &mut state.files[index];
        let used: Vec<_> = (0..file.on_disk.len()).filter(|at| file.on_disk[*at] != 0).collect();
        let Some(at) = random.choice(used) else { return false };
        file.on_disk[at] ^= 1 << random.u32(0..8);
        file.seen[at] = file.on_disk[at];
        true
    }

    pub fn names(&self) -> Vec<String> {
        self.0.lock().names.keys().cloned().collect()
    }

    /// Names and bytes of all files.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.0.lock();
        state.names.iter().map(|(name, file)| (name.clone(), state.files[*file].seen.clone())).collect()
    }

    /// Bytes of all files that have a name and are not set aside.
    pub fn used(&self) -> u64 {
        self.0.lock().used()
    }
}

/// Nothing, all, the beginning, or some sectors of eight bytes.
fn tear(disk: &mut Vec<u8>, offset: usize, bytes: &[u8], random: &mut fastrand::Rng) {
    match random.u8(0..4) {
        0 => {}
        1 => put(disk, offset, bytes),
        2 => put(disk, offset, &bytes[..random.usize(0..=bytes.len())]),
        _ => {
            let sector = *random.choice(&[8, 64, 128, 512]).unwrap();
            for (index, piece) in bytes.chunks(sector).enumerate() {
                if random.bool() {
                    put(disk, offset + index * sector, piece);
                }
            }
        }
    }
}

fn put(disk: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if disk.len() < end {
        disk.resize(end, 0);
    }
    disk[offset..end].copy_from_slice(bytes);
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Set(name, file) => drop(names.insert(name, file)),
            Self::Move(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
            Self::Remove(name) => drop(names.remove(&name)),
        }
    }
}

impl State {
    fn used(&self) -> u64 {
        let named = self.names.iter().filter(|(name, _)| !name.starts_with(QUARANTINE));
        named.map(|(_, file)| self.files[*file].seen.len() as u64).sum()
    }

    /// Every change goes through here; true if the power fails during this one.
    fn step(&mut self) -> io::Result<bool> {
        if self.crashed {
            return Err(io::Error::other("the power is gone"));
        }
        match &mut self.crash_in {
            Some(0) => self.crashed = true,
            Some(steps) => *steps -= 1,
            None => {}
        }
        Ok(self.crashed)
    }

    fn change(&mut self, change: NameChange) -> io::Result<()> {
        let fails = self.step()?;
        change.clone().apply(&mut self.names);
        self.unsynced_names.push(change);
        if fails { Err(io::Error::other("the power fails")) } else { Ok(()) }
    }
}

impl FileSystem for Simulated {
    fn lock(&self) -> io::Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(()))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = self.names();
        Ok(names.into_iter().filter(|name| !name.starts_with(QUARANTINE)).collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn JournalFile>> {
        let mut state = self.0.lock();
        let index = state.files.len();
        state.files.push(Contents::default());
        state.change(NameChange::Set(name.to_owned(), index))?;
        Ok(Arc::new(SimulatedFile { system: self.clone(), index }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn JournalFile>> {
        let index = self.0.lock().names.get(name).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimulatedFile { system: self.clone(), index }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(NameChange::Move(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        if !state.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(NameChange::Remove(name.to_owned()))
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        if state.step()? {
            return Err(io::Error::other("the power fails"));
        }
        for change in std::mem::take(&mut state.unsynced_names) {
            change.apply(&mut state.names_on_disk);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct SimulatedFile {
    system: Simulated,
    index: usize,
}

impl JournalFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.system.0.lock().files[self.index].seen.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.system.0.lock();
        let bytes = state.files[self.index].seen.get(offset as usize..).unwrap_or_default();
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.system.0.lock();
        let fails = state.step()?;
        let used = state.used();
        let growth = (offset + bytes.len() as u64).saturating_sub(state.files[self.index].seen.len() as u64);
        let mut error = fails.then(|| io::Error::other("the power fails"));
        if state.failing_writes > 0 {
            state.failing_writes -= 1;
            error = Some(io::Error::other("the disk fails"));
        } else if state.writes_without_space > 0 || growth > 0 && used + growth > state.capacity {
            state.writes_without_space = state.writes_without_space.saturating_sub(1);
            error = Some(io::ErrorKind::StorageFull.into());
        }
        let written = if error.is_some() { state.random.usize(0..=bytes.len()) } else { bytes.len() };
        let file = &mut state.files[self.index];
        put(&mut file.seen, offset as usize, &bytes[..written]);
        file.unsynced.push((offset as usize, bytes[..written].to_vec()));
        error.map_or(Ok(()), Err)
    }

    /// After a failure what was written looks as if it were there, some of it is, and no later sync helps the rest.
    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.system.0.lock();
        if state.step()? {
            return Err(io::Error::other("the power fails"));
        }
        let fails = state.failing_syncs > 0;
        state.failing_syncs = state.failing_syncs.saturating_sub(1);
        let mut random = state.random.fork();
        let file = &mut state.files[self.index];
        file.is_broken |= fails;
        for (offset, bytes) in std::mem::take(&mut file.unsynced) {
            if file.is_broken {
                tear(&mut file.on_disk, offset, &bytes, &mut random);
            } else {
                put(&mut file.on_disk, offset, &bytes);
            }
        }
        if fails { Err(io::Error::other("the disk fails")) } else { Ok(()) }
    }
}
