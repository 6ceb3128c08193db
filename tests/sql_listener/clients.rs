//! *Scenario*: ClickHouse's official client for Rust, as people use it: LZ4 both ways, bound parameters, typed rows.
//! *Guarantees*: it works with the embedded engine as with a server.

use clickhouse::{Client, Compression, Row};
use serde::{Deserialize, Serialize};

use crate::scene::Scene;

#[derive(Debug, PartialEq, Row, Serialize, Deserialize)]
struct Measurement {
    n: u64,
    text: String,
}

fn client(scene: &Scene, user: &str, password: &str) -> Client {
    Client::default().with_url(format!("http://{}", scene.address())).with_user(user).with_password(password)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_writes_and_reads_typed_rows() {
    let scene = Scene::with_users();
    let writer = client(&scene, "writer", "write-secret").with_database("telemetryflow");
    writer
        .query("CREATE TABLE m (n UInt64, text String) ENGINE = MergeTree ORDER BY n")
        .execute()
        .await
        .unwrap();
    for compression in [Compression::Lz4, Compression::None] {
        let writer = writer.clone().with_compression(compression);
        let mut insert = writer.insert::<Measurement>("m").await.unwrap();
        for n in 0..10_000 {
            insert.write(&Measurement { n, text: format!("text {n}") }).await.unwrap();
        }
        insert.end().await.unwrap();
    }
    let reader = client(&scene, "reader", "read-secret");
    let count: u64 = reader.query("SELECT count() FROM telemetryflow.m").fetch_one().await.unwrap();
    assert_eq!(count, 20_000);
    let rows: Vec<Measurement> = reader
        .query("SELECT DISTINCT ?fields FROM telemetryflow.m WHERE n < {most:UInt64} AND text != {text:String} ORDER BY n")
        .param("most", 3)
        .param("text", "text 1'\\")
        .fetch_all()
        .await
        .unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2], Measurement { n: 2, text: "text 2".to_owned() });
    let error = reader.query("SELECT * FROM nowhere").execute().await.unwrap_err();
    assert!(error.to_string().contains("Code: 60. DB::Exception: "), "{error}");
    let error = client(&scene, "reader", "wrong").query("SELECT 1").execute().await.unwrap_err();
    assert!(error.to_string().contains("(AUTHENTICATION_FAILED)"), "{error}");
}
