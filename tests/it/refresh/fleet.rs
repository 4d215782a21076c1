//! Several processes of the server on one PostgreSQL, with the provider in the process of the test.

use futures_util::future::join_all;
use tempfile::TempDir;

use crate::flows::ACME;
use crate::support::app::{ADMIN, App, Db, MASTER_KEY};
use crate::support::process::{Process, command};
use crate::support::world::World;

pub struct Fleet {
    /// Its server is one that nobody asks for tokens.
    pub world: World,
    pub members: Vec<Member>,
}

/// One of the processes.
pub struct Member {
    pub app: App,
    pub process: Process,
}

impl Fleet {
    pub async fn start(members: usize) -> Self {
        let world = World::start(Db::Postgres).await;
        let members = (0..members).map(|_| Member::start(&world));
        Self {
            members: join_all(members).await,
            world,
        }
    }

    /// One more.
    pub async fn grow(&mut self) {
        self.members.push(Member::start(&self.world).await);
    }

    pub fn apps(&self) -> Vec<&App> {
        apps(&self.members)
    }
}

impl Member {
    async fn start(world: &World) -> Self {
        let database_url = &world.app.database_url;
        let provider_port = world.provider.issuer(ACME).port().unwrap();
        let folder = TempDir::new().unwrap();
        let mut command = command(folder.path(), &["serve"]);
        command
            .env("LANYARD_DATABASE_URL", database_url)
            .env("LANYARD_DATABASE_POOL", "3")
            .env("LANYARD_MASTER_KEY", MASTER_KEY)
            .env("LANYARD_BOOTSTRAP_API_KEY", ADMIN)
            .env("LANYARD_EGRESS_ALLOW", format!("localhost:{provider_port}"));
        let process = Process::spawn(command, folder).await;
        Self {
            app: App::of(&process, database_url.clone()).await,
            process,
        }
    }
}

pub fn apps(members: &[Member]) -> Vec<&App> {
    members.iter().map(|member| &member.app).collect()
}
