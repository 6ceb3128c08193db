//! Reads a secret of a section, like `password` and `password_file`: written, in the environment, or in a file that holds nothing else.

use secrecy::SecretString;

use super::reader::Reader;

/// A file with a password holds no more, in bytes.
const BYTES_MAX: usize = 4_096;

pub(super) fn read(reader: &mut Reader, section: &str, key: &str) -> Option<SecretString> {
    let (written, file) = (format!("{section}.{key}"), format!("{section}.{key}_file"));
    match (reader.is_written(&written), reader.is_written(&file)) {
        (true, true) => {
            reader.refuse(&file, &format!("allowed: either {key} or {key}_file"));
            None
        }
        (true, false) => Some(SecretString::from(reader.text(&written))),
        (false, true) => {
            let path = reader.text(&file);
            let read = std::fs::read_to_string(&path).ok();
            let password = read.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
            match password.filter(|password| !password.is_empty() && password.len() <= BYTES_MAX) {
                Some(password) => Some(SecretString::from(password)),
                None => {
                    reader.refuse(&file, &format!("allowed: a file that can be read and holds the {key}"));
                    None
                }
            }
        }
        (false, false) => None,
    }
}
