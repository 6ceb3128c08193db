//! Reads how the server alerts about itself: `own_*` and `runbook_base` of `[alerting]`.

use std::collections::BTreeMap;

use super::Channel;
use super::reader::{Reader, text_of};
use super::written::Written;
use crate::shared::TenantId;

const CHANNELS_ALLOWED: &str =
    "allowed: a list of channels like [\"ops\"], each with its section [channels.NAME]";
const TENANT_ALLOWED: &str = "allowed: the name of a tenant";
const BASE_ALLOWED: &str = "allowed: the beginning of an address, like https://wiki.example/telemetryflow/, of at most 1024 characters without spaces and braces";
const BASE_BYTES_MAX: usize = 1_024;

/// How the server alerts about itself.
#[derive(Debug, Clone)]
pub struct OwnAlerts {
    pub rules: OwnRules,
    /// Those of `[channels]` that are told; none: the routes decide.
    pub channels: Vec<String>,
    /// Whose alerts they are.
    pub tenant: TenantId,
    /// What stands before `docs/runbooks/NAME.md` in messages; may be empty.
    pub runbook_base: String,
}

/// Whether the built-in rules are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnRules {
    On,
    Off,
}

pub(super) fn read(reader: &mut Reader, channels: &BTreeMap<String, Channel>) -> OwnAlerts {
    let known = |name: &str| channels.contains_key(name).then(|| name.to_owned());
    OwnAlerts {
        rules: reader.read("alerting.own_rules", OwnRules::On, switch),
        channels: reader.list("alerting.own_channels", CHANNELS_ALLOWED, known),
        tenant: reader.read("alerting.own_tenant", TenantId::unnamed(), |written| {
            let tenant = text_of(written).and_then(|text| TenantId::parse(text).ok());
            tenant.ok_or_else(|| TENANT_ALLOWED.to_owned())
        }),
        runbook_base: reader.read("alerting.runbook_base", String::new(), |written| {
            let base = text_of(written).filter(|text| is_base(text));
            base.map(str::to_owned).ok_or_else(|| BASE_ALLOWED.to_owned())
        }),
    }
}

/// A truth value is written without quotes.
fn switch(written: &Written) -> Result<OwnRules, String> {
    match written {
        Written::Foreign(text) | Written::Bare(text) if text == "true" => Ok(OwnRules::On),
        Written::Foreign(text) | Written::Bare(text) if text == "false" => Ok(OwnRules::Off),
        _ => Err("allowed: true, false".to_owned()),
    }
}

/// It becomes part of a template: braces would be read as one.
fn is_base(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}');
    text.len() <= BASE_BYTES_MAX && text.bytes().all(is_plain)
}
