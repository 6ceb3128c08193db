//! What is written is read, whatever it is; what is damaged is seen, wherever it is; and what becomes of letters.

use proptest::prelude::*;

use super::*;
use crate::platform::journal::Payload;
use crate::shared::{Signal, TenantId, Timestamp};

use super::format::{read_about, read_letter};

fn id(sequence: u64) -> LetterId {
    LetterId::new(0xc0_ffee, sequence)
}

fn letter(sequence: u64) -> Letter {
    let about = About {
        id: id(sequence),
        tenant: TenantId::parse("shop").unwrap(),
        signal: Signal::Logs,
        items: 3,
        received_at: Timestamp::from_nanos(1_795_000_000_000_000_001),
        refused_at: Timestamp::from_nanos(1_795_000_002_000_000_000),
        reason: Reason::new("Code: 53. DB::Exception: \"no such type\""),
        tokens: vec!["v1/node/c0ffee/7/otel_logs".to_owned()],
    };
    Letter { about, header: vec![1, 2, 3], payload: Payload::Packed(vec![0xff; 100].into()) }
}

fn encoded(letter: &Letter) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoded = Encoded::of(letter).unwrap();
    encoded.write(&mut bytes).unwrap();
    assert_eq!(encoded.bytes(), bytes.len() as u64);
    bytes
}

fn decoded(bytes: &[u8]) -> Result<Letter, Damage> {
    let letter = read_letter(bytes, bytes.len() as u64);
    let about = read_about(bytes, bytes.len() as u64);
    assert_eq!(about, letter.clone().map(|letter| letter.about), "both readers find the same");
    letter
}

fn open(folder: &tempfile::TempDir) -> DeadLetters {
    DeadLetters::open(&folder.path().join("dead-letters"), 1 << 20).unwrap()
}

fn names(letters: &DeadLetters) -> Vec<String> {
    let mut names: Vec<String> = letters.folder.files().unwrap().into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

fn any_letter() -> impl Strategy<Value = Letter> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    let payload = (any::<bool>(), bytes()).prop_map(|(packed, bytes)| {
        if packed { Payload::Packed(bytes.into()) } else { Payload::Plain(bytes.into()) }
    });
    let ids = (any::<u64>(), any::<u64>());
    let words = ("[a-z0-9_-]{1,64}", any::<String>(), prop::collection::vec(any::<String>(), 0..4));
    let numbers = (0..3_usize, any::<u64>(), any::<i64>(), any::<i64>());
    (ids, words, numbers, bytes(), payload).prop_map(|(ids, words, numbers, header, payload)| {
        let (tenant, reason, tokens) = words;
        let (signal, items, received_at, refused_at) = numbers;
        let about = About {
            id: LetterId::new(ids.0, ids.1),
            tenant: TenantId::parse(&tenant).unwrap(),
            signal: Signal::ALL[signal],
            items,
            received_at: Timestamp::from_nanos(received_at),
            refused_at: Timestamp::from_nanos(refused_at),
            reason: Reason::new(&reason),
            tokens,
        };
        Letter { about, header, payload }
    })
}

proptest! {
    #[test]
    fn any_letter_is_read_as_it_was_written(letter in any_letter()) {
        prop_assert_eq!(decoded(&encoded(&letter)), Ok(letter));
    }

    #[test]
    fn any_flipped_bit_any_cut_and_anything_behind_it_is_seen(
        letter in any_letter(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
        behind in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        let whole = encoded(&letter);
        let at = at.index(whole.len());
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << bit;
        prop_assert!(decoded(&flipped).is_err());
        prop_assert!(decoded(&whole[..at]).is_err());
        prop_assert!(decoded(&[whole, behind].concat()).is_err());
    }

    #[test]
    fn anything_else_is_no_letter(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let title = b"TelemetryFlow dead letter 1\n";
        prop_assert!(decoded(&bytes).is_err());
        prop_assert!(decoded(&[&title[..], &bytes].concat()).is_err());
    }

    #[test]
    fn an_id_has_one_text(journal in any::<u64>(), sequence in any::<u64>(), other in "\\PC{0,30}") {
        let id = LetterId::new(journal, sequence);
        prop_assert_eq!(LetterId::parse(&id.to_string()), Ok(id));
        if let Ok(id) = LetterId::parse(&other) {
            prop_assert_eq!(id.to_string(), other);
        }
    }
}

#[test]
fn every_bit_and_every_cut_of_one_letter() {
    let whole = encoded(&letter(1));
    for at in 0..whole.len() {
        assert!(decoded(&whole[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            assert!(decoded(&flipped).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn lengths_that_a_file_makes_up_are_not_believed() {
    let whole = encoded(&letter(1));
    let sizes = whole.len() - 4 - 100 - 3 - 12;
    for (place, field) in [(sizes, vec![0xff; 4]), (sizes + 4, vec![0xff; 8]), (sizes, vec![0xff; 12])] {
        let mut made_up = whole.clone();
        made_up[place..place + field.len()].copy_from_slice(&field);
        assert_eq!(decoded(&made_up), Err(Damage::Length));
    }
}

#[test]
fn the_first_two_lines_tell_a_person_what_it_is() {
    let bytes = encoded(&letter(42));
    let mut lines = bytes.split(|byte| *byte == b'\n');
    assert_eq!(lines.next().unwrap(), b"TelemetryFlow dead letter 1");
    let line: serde_json::Value = serde_json::from_slice(lines.next().unwrap()).unwrap();
    let expected = serde_json::json!({
        "id": "0000000000c0ffee-42",
        "tenant": "shop",
        "signal": "logs",
        "items": 3,
        "received_at": "2026-11-18T11:06:40.000000001Z",
        "refused_at": "2026-11-18T11:06:42Z",
        "reason": "Code: 53. DB::Exception: \"no such type\"",
        "tokens": ["v1/node/c0ffee/7/otel_logs"],
    });
    assert_eq!(line, expected);
}

#[test]
fn a_newer_letter_is_told_from_a_damaged_one() {
    let mut bytes = encoded(&letter(1));
    bytes[26] = b'2';
    assert_eq!(decoded(&bytes), Err(Damage::Version));
}

#[test]
fn a_reason_is_one_short_line_of_text() {
    let hostile = "a\u{1b}[31mb\r\nc\0d\u{202e}e\u{2028}f\u{85}g";
    assert_eq!(Reason::new(hostile).as_str(), "a[31mbcdefg");
    let long = Reason::new(&"é".repeat(5_000));
    assert_eq!(long.as_str().len(), 2_048);
    assert_eq!(Reason::new(&format!("x{}", "é".repeat(5_000))).as_str().len(), 2_047, "no half character");
}

#[test]
fn the_same_letter_is_one_file_however_often_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let letters = open(&folder);
    assert_eq!(letters.write(&letter(1)).unwrap(), Written::New);
    let later = Letter { about: About { refused_at: Timestamp::LATEST, ..letter(1).about }, ..letter(1) };
    assert_eq!(letters.write(&later).unwrap(), Written::AlreadyThere);
    assert_eq!(names(&letters), ["0000000000c0ffee-1.letter"]);
    assert_eq!(letters.read(id(1)).unwrap(), letter(1));
    let again = open(&folder);
    assert_eq!(again.write(&letter(1)).unwrap(), Written::AlreadyThere);
    assert_eq!((again.bytes(), letters.bytes()), (encoded(&letter(1)).len() as u64, again.bytes()));
}

#[test]
fn letters_are_listed_by_id_with_those_that_are_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let letters = open(&folder);
    for sequence in [10, 9, 11] {
        letters.write(&letter(sequence)).unwrap();
    }
    let path = letters.folder.path();
    let whole = fs::read(path.join("0000000000c0ffee-9.letter")).unwrap();
    fs::write(path.join("0000000000c0ffee-9.letter"), &whole[..whole.len() - 1]).unwrap();
    fs::write(path.join("0000000000c0ffee-12.letter"), &whole).unwrap();
    fs::write(path.join("0000000000c0ffee-13.letter"), b"").unwrap();
    fs::create_dir(path.join("0000000000c0ffee-14.letter")).unwrap();
    for foreign in ["README", "c0ffee-1.letter", "0000000000c0ffee-1.txt", "0000000000C0FFEE-1.letter"] {
        fs::write(path.join(foreign), b"?").unwrap();
    }
    let listed: Vec<_> = letters.list().unwrap().into_iter().map(|found| (found.id, found.about)).collect();
    let expected = [
        (id(9), Err(Damage::Length)),
        (id(10), Ok(letter(10).about)),
        (id(11), Ok(letter(11).about)),
        (id(12), Err(Damage::Misnamed)),
        (id(13), Err(Damage::Length)),
    ];
    assert_eq!(listed[..5], expected);
    assert!(matches!(listed[5..], [(at, Err(Damage::Unreadable(_)))] if at == id(14)), "{listed:?}");
    assert!(matches!(letters.read(id(9)), Err(LetterError::Damaged(_, Damage::Length))));
    assert!(matches!(letters.read(id(1)), Err(LetterError::Unknown(_))));
}

#[test]
fn a_damaged_letter_is_replaced_by_the_same_one() {
    let folder = tempfile::tempdir().unwrap();
    let letters = open(&folder);
    letters.write(&letter(1)).unwrap();
    fs::write(letters.folder.path().join("0000000000c0ffee-1.letter"), b"torn").unwrap();
    assert_eq!(letters.write(&letter(1)).unwrap(), Written::New);
    assert_eq!(letters.read(id(1)).unwrap(), letter(1));
    assert_eq!(names(&letters).len(), 1);
}

#[test]
fn what_is_to_become_of_a_letter_is_said_by_its_name_and_can_be_said_anew() {
    let folder = tempfile::tempdir().unwrap();
    let letters = open(&folder);
    let other = LetterFolder::at(letters.folder.path());
    (1..=3).for_each(|sequence| _ = letters.write(&letter(sequence)).unwrap());
    let ids = |found: Vec<Summary>| found.into_iter().map(|found| found.id).collect::<Vec<_>>();

    other.mark(id(1), Standing::ToReplay).unwrap();
    other.mark(id(1), Standing::ToReplay).unwrap();
    other.mark(id(2), Standing::ToDrop).unwrap();
    assert_eq!(ids(letters.to_replay().unwrap()), [id(1)]);
    assert_eq!(ids(letters.to_drop().unwrap()), [id(2)]);
    assert_eq!(letters.write(&letter(1)).unwrap(), Written::AlreadyThere, "however it stands");
    other.mark(id(2), Standing::ToReplay).unwrap();
    assert_eq!(ids(letters.to_replay().unwrap()), [id(1), id(2)]);
    letters.put_back(id(2)).unwrap();
    assert_eq!(
        names(&letters),
        ["0000000000c0ffee-1.replay", "0000000000c0ffee-2.letter", "0000000000c0ffee-3.letter"]
    );

    letters.remove(id(1)).unwrap();
    assert!(matches!(letters.remove(id(1)), Err(LetterError::Unknown(_))));
    assert!(matches!(other.mark(id(1), Standing::ToReplay), Err(LetterError::Unknown(_))));
    assert_eq!(ids(letters.list().unwrap()), [id(2), id(3)]);
    assert_eq!(letters.bytes(), 2 * encoded(&letter(2)).len() as u64);
}

#[test]
fn a_full_folder_takes_no_more_until_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = encoded(&letter(1)).len() as u64;
    let letters = DeadLetters::open(folder.path(), 2 * bytes).unwrap();
    letters.write(&letter(1)).unwrap();
    letters.write(&letter(2)).unwrap();
    assert!(
        matches!(letters.write(&letter(3)), Err(WriteError::Full { bytes_max }) if bytes_max == 2 * bytes)
    );
    assert_eq!(letters.write(&letter(2)).unwrap(), Written::AlreadyThere);
    assert_eq!(names(&letters).len(), 2);
    letters.remove(id(1)).unwrap();
    assert_eq!(letters.write(&letter(3)).unwrap(), Written::New);
    // Somebody else may make room, too.
    fs::remove_file(folder.path().join("0000000000c0ffee-2.letter")).unwrap();
    assert_eq!(letters.write(&letter(4)).unwrap(), Written::New);
    let again = DeadLetters::open(folder.path(), 2 * bytes).unwrap();
    assert!(matches!(again.write(&letter(5)), Err(WriteError::Full { .. })));
}

#[test]
fn what_was_not_written_to_its_end_is_removed_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let letters = open(&folder);
    letters.write(&letter(1)).unwrap();
    fs::write(letters.folder.path().join("0000000000c0ffee-2.unfinished"), b"Telem").unwrap();
    assert_eq!(letters.list().unwrap().len(), 1);
    assert_eq!(names(&open(&folder)), ["0000000000c0ffee-1.letter"]);
}

#[test]
fn a_letter_that_cannot_be_written_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let letters = open(&folder);
    // A folder stands where the letter is to go.
    fs::create_dir(letters.folder.path().join("0000000000c0ffee-1.letter")).unwrap();
    assert!(matches!(letters.write(&letter(1)), Err(WriteError::Io(_))));
    assert_eq!(names(&letters), ["0000000000c0ffee-1.letter"]);
    let mut endless = letter(2);
    endless.about.tokens = vec!["x".repeat(2 << 20)];
    assert!(matches!(letters.write(&endless), Err(WriteError::TooLong)));
}

#[test]
fn a_folder_that_is_not_there_holds_no_letters() {
    let folder = tempfile::tempdir().unwrap();
    let letters = LetterFolder::at(folder.path().join("none"));
    assert_eq!(letters.list().unwrap(), []);
    assert!(matches!(letters.mark(id(1), Standing::ToDrop), Err(LetterError::Unknown(_))));
}
