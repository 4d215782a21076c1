//! What somebody would write who needs this one lookup and nothing else.

use std::net::SocketAddr;

use poem::listener::TcpAcceptor;
use poem::web::{Data, Json};
use poem::{EndpointExt, Route, handler, post};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{PgPool, SqlitePool};
use tokio::net::TcpListener;
use uuid::Uuid;

/// As many as Lanyard has by default.
const CONNECTIONS: u32 = 8;

#[derive(Deserialize)]
struct Key {
    provider: Uuid,
    account: String,
}

#[derive(Serialize)]
struct Found {
    id: Uuid,
    user: Uuid,
}

/// Starts the server; it answers as long as the process runs.
pub async fn serve(url: &str, listener: TcpListener) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
    let route = if let Some(file) = url.strip_prefix("sqlite:") {
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS);
        let pool = pool.connect_with(options).await.unwrap();
        Route::new()
            .at("/identity", post(in_sqlite))
            .data(pool)
            .boxed()
    } else {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
        let pool = pool.connect(url).await.unwrap();
        Route::new()
            .at("/identity", post(in_postgres))
            .data(pool)
            .boxed()
    };
    tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(route));
    address
}

#[handler]
async fn in_sqlite(Data(pool): Data<&SqlitePool>, Json(key): Json<Key>) -> Json<Option<Found>> {
    let row: Option<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT id, user_id FROM identity WHERE provider_id = ? AND external_id = ?",
    )
    .bind(key.provider)
    .bind(key.account)
    .fetch_optional(pool)
    .await
    .unwrap();
    Json(row.map(|(id, user)| Found { id, user }))
}

#[handler]
async fn in_postgres(Data(pool): Data<&PgPool>, Json(key): Json<Key>) -> Json<Option<Found>> {
    let row: Option<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT id, user_id FROM identity WHERE provider_id = $1 AND external_id = $2",
    )
    .bind(key.provider)
    .bind(key.account)
    .fetch_optional(pool)
    .await
    .unwrap();
    Json(row.map(|(id, user)| Found { id, user }))
}
