//! `Deployment`: how the one set of statements in `clickhouse/` is said to a server, or to a cluster of them.
//!
//! The statements name tables as one machine has them (`telemetryflow.metric_samples`). Elsewhere the database may have another name; on a
//! cluster each table is two: one that replicates on every node (`metric_samples_local`), and one over all shards under the name that
//! everybody reads and writes. What is rewritten is our own text only; values are bound.

use super::settings::Setting;

/// The database in the statements.
const DATABASE: &str = "telemetryflow";
/// What a table's part on each node is called behind its name.
const LOCAL: &str = "_local";
/// How long a replica knows the tokens of inserts: as long as a retry may come late.
const DEDUPLICATION_SECONDS: u64 = 7 * 86_400;

/// Where the tables are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    database: Word,
    cluster: Option<Cluster>,
}

/// Nodes that hold the tables together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    pub name: Word,
    pub quorum: Quorum,
}

/// How many replicas have to have a block before an insert is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quorum {
    /// One; the others copy it.
    One,
    /// More than half of them.
    Majority,
    /// So many.
    Of(u32),
}

/// A name that needs no quotes: 1 to 64 letters, digits and underscores, not beginning with a digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let begins_well = text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        (is_plain && begins_well && text.len() <= 64).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Word {
    /// The database in the statements.
    fn default() -> Self {
        Self(DATABASE.to_owned())
    }
}

impl Deployment {
    pub const fn new(database: Word, cluster: Option<Cluster>) -> Self {
        Self { database, cluster }
    }

    /// A statement that reads or fills tables, or the name of one.
    pub fn text(&self, statement: &str) -> String {
        let text = statement.replace(DATABASE, self.database.as_str());
        match &self.cluster {
            // Parts are on every node, under the local table's name.
            Some(cluster) if text.contains("system.parts") => text
                .replace(
                    "system.parts",
                    &format!("clusterAllReplicas('{}', system.parts)", cluster.name.as_str()),
                )
                .replace("table = 'metric_samples'", "table = 'metric_samples_local'"),
            _ => text,
        }
    }

    /// What has to be run, in this order, in the place of a statement of the schema.
    pub fn schema(&self, statement: &str) -> Vec<String> {
        let text = self.text(statement);
        match &self.cluster {
            None => vec![text],
            Some(cluster) => OnCluster { database: self.database.as_str(), cluster }.statements(&text),
        }
    }

    /// For statements that read.
    pub fn query_settings(&self) -> Vec<Setting> {
        // What the inner query of an IN found may lie on another shard.
        self.cluster.iter().map(|_| ("distributed_product_mode", "global".to_owned())).collect()
    }

    /// For inserts: each shard has its rows before the answer comes.
    pub fn insert_settings(&self) -> Vec<Setting> {
        let Some(cluster) = &self.cluster else { return Vec::new() };
        let quorum = match cluster.quorum {
            Quorum::One => "0".to_owned(),
            Quorum::Majority => "auto".to_owned(),
            Quorum::Of(replicas) => replicas.to_string(),
        };
        vec![
            ("distributed_foreground_insert", "1".to_owned()),
            ("insert_quorum", quorum),
            ("insert_quorum_parallel", "1".to_owned()),
        ]
    }
}

/// Rewrites statements of the schema.
struct OnCluster<'a> {
    database: &'a str,
    cluster: &'a Cluster,
}

impl OnCluster<'_> {
    fn statements(&self, text: &str) -> Vec<String> {
        let body = without_comments(text);
        let words: Vec<&str> = body.split_whitespace().collect();
        match words.as_slice() {
            ["CREATE", "DATABASE", ..] => vec![format!("{} {}", body.trim(), self.on_cluster())],
            ["CREATE", "TABLE", "IF", "NOT", "EXISTS", table, ..] => self.create(&body, table),
            ["CREATE", "OR", "REPLACE", "VIEW", view, ..] => {
                vec![body.replacen(view, &format!("{view} {}", self.on_cluster()), 1)]
            }
            // A cluster begins with this version: there is nothing to take over.
            ["ALTER", "TABLE", _, "ATTACH", ..] => Vec::new(),
            ["ALTER", "TABLE", table, rest @ ..] => self.alter(&body, table, rest),
            ["DROP", "TABLE", table, ..] => vec![
                format!("DROP TABLE IF EXISTS {table} {} SYNC", self.on_cluster()),
                format!("DROP TABLE IF EXISTS {table}{LOCAL} {} SYNC", self.on_cluster()),
            ],
            ["RENAME", "TABLE", from, "TO", to] => vec![
                format!("DROP TABLE IF EXISTS {from} {} SYNC", self.on_cluster()),
                format!("RENAME TABLE {from}{LOCAL} TO {to}{LOCAL} {}", self.on_cluster()),
                self.over_all_shards(to),
            ],
            _ => vec![text.to_owned()],
        }
    }

    fn on_cluster(&self) -> String {
        format!("ON CLUSTER '{}'", self.cluster.name.as_str())
    }

    fn create(&self, body: &str, table: &str) -> Vec<String> {
        let local = body.replacen(table, &format!("{table}{LOCAL} {}", self.on_cluster()), 1);
        let local = self.replicated(&local, table);
        let local = match local.contains("non_replicated_deduplication_window") {
            true => local.replace(
                "non_replicated_deduplication_window = 10000",
                &format!(
                    "replicated_deduplication_window = 10000,\n    \
                     replicated_deduplication_window_seconds = {DEDUPLICATION_SECONDS}"
                ),
            ),
            false => local,
        };
        vec![local, self.over_all_shards(table)]
    }

    /// The path holds the table's own id, which is the same on all nodes and stays when the table is renamed. What all shards have to
    /// know alike (which schema it is) is one table for all.
    fn replicated(&self, statement: &str, table: &str) -> String {
        let place = match is_global(table) {
            true => format!("'/clickhouse/tables/{{uuid}}/{}', '{{shard}}-{{replica}}'", self.database),
            false => "'/clickhouse/tables/{uuid}/{shard}', '{replica}'".to_owned(),
        };
        let Some((head, engine)) = statement.split_once("ENGINE = ") else { return statement.to_owned() };
        let end = engine.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(engine.len());
        let (name, rest) = engine.split_at(end);
        match rest.strip_prefix('(') {
            Some(arguments) => format!("{head}ENGINE = Replicated{name}({place}, {arguments}"),
            None => format!("{head}ENGINE = Replicated{name}({place}){rest}"),
        }
    }

    /// Columns and settings belong to the local tables; the table over them takes its columns from there.
    fn alter(&self, body: &str, table: &str, change: &[&str]) -> Vec<String> {
        let local = body.replacen(table, &format!("{table}{LOCAL} {}", self.on_cluster()), 1);
        let changes_columns = matches!(change, ["ADD" | "DROP", "COLUMN", ..]);
        std::iter::once(local).chain(changes_columns.then(|| self.over_all_shards(table))).collect()
    }

    fn over_all_shards(&self, table: &str) -> String {
        let name = table.rsplit('.').next().unwrap_or(table);
        format!(
            "CREATE OR REPLACE TABLE {table} {} AS {table}{LOCAL}\nENGINE = Distributed('{}', '{}', '{name}{LOCAL}', {})",
            self.on_cluster(),
            self.cluster.name.as_str(),
            self.database,
            sharding_key(name),
        )
    }
}

fn is_global(table: &str) -> bool {
    table.ends_with(".schema_migrations") || table.ends_with(".rollup_state")
}

/// What has to be together lies on one shard: the rows of a series, which replace each other, and those of a trace. Log records
/// without a trace go by their service.
fn sharding_key(table: &str) -> &'static str {
    match table {
        "otel_traces" | "trace_index" => "cityHash64(trace_id)",
        "otel_logs" => "if(trace_id = toFixedString('', 16), cityHash64(ServiceName), cityHash64(trace_id))",
        "schema_migrations" | "rollup_state" => "0",
        _ => "series_id",
    }
}

/// Comments are for readers of the files, and would stand in the way.
fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Word {
        Word::parse(text).unwrap()
    }

    fn cluster(quorum: Quorum) -> Deployment {
        Deployment::new(word("obs"), Some(Cluster { name: word("main"), quorum }))
    }

    #[test]
    fn one_machine_gets_the_statements_as_they_are_under_the_name_of_its_database() {
        let statement = "SELECT 1 FROM telemetryflow.otel_logs -- telemetryflow";
        assert_eq!(Deployment::default().text(statement), statement);
        let other = Deployment::new(word("obs"), None);
        assert_eq!(other.schema(statement), ["SELECT 1 FROM obs.otel_logs -- obs"]);
        assert!(other.insert_settings().is_empty() && other.query_settings().is_empty());
    }

    #[test]
    fn a_table_becomes_one_on_every_node_and_one_over_all_of_them() {
        let statement = "-- What.\nCREATE TABLE IF NOT EXISTS telemetryflow.metric_series\n(\n    -- Why.\n    series_id UInt64\n)\n\
            ENGINE = ReplacingMergeTree(last_seen)\nORDER BY series_id\nSETTINGS non_replicated_deduplication_window = 10000";
        let [local, over] = &*cluster(Quorum::One).schema(statement) else { panic!() };
        assert_eq!(
            local,
            "CREATE TABLE IF NOT EXISTS obs.metric_series_local ON CLUSTER 'main'\n(\n    series_id UInt64\n)\n\
             ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', last_seen)\nORDER BY series_id\n\
             SETTINGS replicated_deduplication_window = 10000,\n    replicated_deduplication_window_seconds = 604800"
        );
        assert_eq!(
            over,
            "CREATE OR REPLACE TABLE obs.metric_series ON CLUSTER 'main' AS obs.metric_series_local\n\
             ENGINE = Distributed('main', 'obs', 'metric_series_local', series_id)"
        );
    }

    #[test]
    fn changes_go_to_the_tables_on_the_nodes_and_new_columns_also_to_those_over_them() {
        let count = |statement: &str| cluster(Quorum::One).schema(statement).len();
        assert_eq!(count("ALTER TABLE telemetryflow.otel_logs ADD COLUMN IF NOT EXISTS a UInt8"), 2);
        assert_eq!(count("ALTER TABLE telemetryflow.otel_logs MODIFY TTL toDateTime(Timestamp)"), 1);
        assert_eq!(count("ALTER TABLE telemetryflow.a ATTACH PARTITION ALL FROM telemetryflow.b"), 0);
        assert_eq!(count("DROP TABLE telemetryflow.a SYNC"), 2);
        assert_eq!(count("RENAME TABLE telemetryflow.a TO telemetryflow.b"), 3);
        let rows = "INSERT INTO telemetryflow.schema_migrations (version) SELECT 1";
        assert_eq!(cluster(Quorum::One).schema(rows), [rows.replace("telemetryflow", "obs")]);
    }

    #[test]
    fn the_quorum_is_said_with_each_insert() {
        for (quorum, expected) in [(Quorum::One, "0"), (Quorum::Majority, "auto"), (Quorum::Of(3), "3")] {
            let settings = cluster(quorum).insert_settings();
            assert!(settings.contains(&("insert_quorum", expected.to_owned())), "{quorum:?}");
        }
    }

    #[test]
    fn names_that_would_need_quotes_are_refused() {
        for wrong in ["", "1a", "a-b", "a.b", "a'b", &"a".repeat(65)] {
            assert_eq!(Word::parse(wrong), None, "{wrong}");
        }
    }
}
