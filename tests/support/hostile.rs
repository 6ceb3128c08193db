//! Texts that would do harm wherever text becomes SQL, a template, a path or a number.

pub const HOSTILE: [&str; 19] = [
    "'",
    "\"",
    "\\",
    "\\'",
    "`",
    "' OR 1=1 --",
    "'; DROP TABLE telemetryflow.metric_samples; --",
    "x); DROP DATABASE telemetryflow; SELECT (1",
    "{x:Identifier}",
    "{metric:String}",
    "{{filter}}",
    "/* */ UNION ALL SELECT * FROM system.users",
    "\u{0}",
    "\n\t\u{202e}\u{feff}",
    "99999999999999999999999",
    "-1",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "%_\\%",
];
