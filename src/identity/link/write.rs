//! Carrying out a decision, in the transaction that it was made in.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, ModelTrait};
use secrecy::ExposeSecret;
use serde_json::json;
use sha2::Sha256;

use super::{
    Author, Idempotency, LinkRequest, Linked, Linking, Outcome, Surroundings, active, refusals,
};
use crate::access::session;
use crate::clock::Time;
use crate::database::json::{Json, Texts};
use crate::database::user::fold_case;
use crate::database::{Tx, credential, idempotency_key, identity, user};
use crate::error::{Error, RefusalCode};
use crate::event::{self, Action};
use crate::id::{IdentityId, UserId};
use crate::identity::account::{Profile, Tokens, access_token_place, refresh_token_place};
use crate::identity::beside;
use crate::identity::decision::Decision;
use crate::identity::default::{self, Followers};
use crate::identity::remove::hand_on_primary;
use crate::identity::told::{describe, new_event};
use crate::input::{Change, proof_of_address};
use crate::vault::Place;

pub async fn link(
    linking: &Linking,
    tx: &Tx,
    author: &Author<'_>,
    request: &LinkRequest,
) -> Result<Linked, Error> {
    identity::lock_account(tx, request.provider_id, &request.external_id).await?;
    let mut surroundings = Surroundings::read(tx, request).await?;
    if let Some(caller) = author.caller() {
        surroundings.may_link(tx, caller, request).await?;
    }
    if let Some(linked) = answered_before(linking, tx, author, request).await? {
        return Ok(linked);
    }
    lock(tx, request, &mut surroundings).await?;
    surroundings.takes_member(tx, request).await?;
    let writer = Writer {
        linking,
        tx,
        author,
        request,
        now: linking.clock.now(),
    };
    let decision = surroundings.decide(request);
    let decision = match author.caller() {
        Some(caller) => surroundings.is_callers(tx, caller, decision).await?,
        None => decision,
    };
    let (identity, outcome) = match decision {
        Decision::Refuse(conflict) => return Err(Error::Refused(refusals(conflict))),
        Decision::Create { primary } => (
            writer.create(&surroundings, primary).await?,
            Outcome::Created,
        ),
        Decision::Update(id) => (writer.update(&surroundings, id).await?, Outcome::Updated),
        Decision::UpdateInPlace(id) => (
            writer.update(&surroundings, id).await?,
            Outcome::UpdatedInPlace,
        ),
        Decision::Reattach { displaces, primary } => {
            let following = writer.displace(&surroundings, &displaces).await?;
            let id = writer.create(&surroundings, primary).await?;
            writer.follow(following, id).await?;
            (id, Outcome::Reattached)
        }
    };
    let linked = Linked { identity, outcome };
    writer.remember(linked).await?;
    Ok(linked)
}

/// Locks every user whose identities may change, then the identities, and makes sure that the
/// user to link is active.
///
/// An identity may pass to another user while its own is waited for (a merge does that): that user
/// is locked too then. Rows come before a user there, against the usual order: where it makes two
/// writers wait for each other, the database ends one of them, which begins again.
async fn lock(
    tx: &Tx,
    request: &LinkRequest,
    surroundings: &mut Surroundings,
) -> Result<(), Error> {
    let mut locked: BTreeSet<UserId> = BTreeSet::new();
    loop {
        let owners = surroundings.rows.iter().map(|row| row.user_id);
        let all: BTreeSet<UserId> = owners.chain([request.user_id]).collect();
        let missing: Vec<UserId> = all.difference(&locked).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let users = user::lock(tx, &missing).await?;
        if missing.contains(&request.user_id) {
            let user = users.iter().find(|user| user.id == request.user_id);
            active(user, request.user_id)?;
        }
        locked.extend(missing);
        surroundings.lock_rows(tx, request).await?;
    }
}

/// The answer to the same request under the same key, where there was one within the key's life.
async fn answered_before(
    linking: &Linking,
    tx: &Tx,
    author: &Author<'_>,
    request: &LinkRequest,
) -> Result<Option<Linked>, Error> {
    let Some(Idempotency { key, input }) = &request.idempotency else {
        return Ok(None);
    };
    idempotency_key::forget_old(tx, linking.clock.now()).await?;
    let id = (author.application().into_owned(), key.clone());
    let Some(row) = idempotency_key::Entity::find_by_id(id).one(tx).await? else {
        return Ok(None);
    };
    if row.input_hash != input_hash(linking, input) {
        return Err(Error::refused(
            RefusalCode::IdempotencyKeyReused,
            &["input", "idempotencyKey"],
            "the key came with another input before; take a new key for a new request",
        ));
    }
    let outcome = Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.name() == row.outcome);
    let outcome = outcome
        .ok_or_else(|| Error::Internal(anyhow::anyhow!("stored outcome {:?}", row.outcome)))?;
    Ok(Some(Linked {
        identity: row.identity_id,
        outcome,
    }))
}

/// Tells inputs apart, and nothing else: they may hold tokens, so nobody who reads the hash may
/// try out what made it.
fn input_hash(linking: &Linking, input: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&linking.idempotency_key)
        .expect("HMAC takes keys of every length");
    mac.update(input.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

struct Writer<'a> {
    linking: &'a Linking,
    tx: &'a Tx,
    author: &'a Author<'a>,
    request: &'a LinkRequest,
    now: Time,
}

impl Writer<'_> {
    async fn create(
        &self,
        surroundings: &Surroundings,
        primary: bool,
    ) -> Result<IdentityId, Error> {
        let row = self.new_row(surroundings, primary);
        let id = row.id;
        let event = new_event(Action::IdentityLinked, &row, None, Some(describe(&row)));
        identity::Entity::insert(row.into_active_model())
            .exec_without_returning(self.tx)
            .await?;
        self.store_tokens(id, None).await?;
        event::record(self.tx, &self.linking.clock, &self.author.origin(), event).await?;
        Ok(id)
    }

    async fn update(
        &self,
        surroundings: &Surroundings,
        id: IdentityId,
    ) -> Result<IdentityId, Error> {
        let stored = surroundings.rows.iter().find(|row| row.id == id);
        let stored = stored.ok_or_else(|| super::not_found(id))?;
        let row = self.changed_row(stored, surroundings.provider.allows_multiple_per_user);
        let event = new_event(
            Action::IdentityUpdated,
            &row,
            Some(describe(stored)),
            Some(describe(&row)),
        );
        let moved = row.external_id != stored.external_id;
        row.into_active_model().reset_all().update(self.tx).await?;
        let mut tokens = credential::locked(self.tx, id).await?;
        if let Some(tokens) = tokens.take_if(|_| moved) {
            // They are the old account's, the refresh token too.
            tokens.delete(self.tx).await?;
        }
        if moved {
            self.end_sessions(id).await?;
            match self.author {
                Author::Caller(caller) => {
                    let (clock, origin) = (&self.linking.clock, caller.origin());
                    beside::remove_with(self.tx, clock, &origin, stored).await?;
                }
                // A flow at a sign-on writes the new account's own.
                Author::Flow(_) | Author::Completing(_) => {}
            }
        }
        self.store_tokens(id, tokens).await?;
        event::record(self.tx, &self.linking.clock, &self.author.origin(), event).await?;
        Ok(id)
    }

    /// Removes the identities. What acted as the user's own one is to follow to the new one; what
    /// acted as somebody else's acts as nobody.
    async fn displace(
        &self,
        surroundings: &Surroundings,
        ids: &[IdentityId],
    ) -> Result<Vec<Followers>, Error> {
        let (clock, origin) = (&self.linking.clock, self.author.origin());
        let mut following = Vec::new();
        for row in surroundings.rows.iter().filter(|row| ids.contains(&row.id)) {
            // Whoever came in by the account is out with it.
            self.end_sessions(row.id).await?;
            if row.user_id == self.request.user_id {
                following.push(default::followers(self.tx, row).await?);
            } else {
                default::lose(self.tx, clock, &origin, row).await?;
            }
            beside::remove_with(self.tx, clock, &origin, row).await?;
            row.clone().delete(self.tx).await?;
            let event = new_event(Action::IdentityUnlinked, row, Some(describe(row)), None);
            event::record(self.tx, clock, &origin, event).await?;
            if row.is_primary && row.user_id != self.request.user_id {
                hand_on_primary(self.tx, clock, &origin, row).await?;
            }
        }
        Ok(following)
    }

    async fn follow(&self, following: Vec<Followers>, to: IdentityId) -> Result<(), Error> {
        let (clock, origin) = (&self.linking.clock, self.author.origin());
        for followers in following {
            default::follow(self.tx, clock, &origin, followers, to).await?;
        }
        Ok(())
    }

    /// Ends the sessions that the identity has opened, but the one that the flow began in.
    async fn end_sessions(&self, id: IdentityId) -> Result<(), Error> {
        let (clock, origin) = (&self.linking.clock, self.author.origin());
        let keep = self.author.session();
        session::end_of_identities(self.tx, clock, &origin, &[id], keep).await?;
        Ok(())
    }

    async fn remember(&self, linked: Linked) -> Result<(), Error> {
        let Some(Idempotency { key, input }) = &self.request.idempotency else {
            return Ok(());
        };
        let row = idempotency_key::Model {
            application: self.author.application().into_owned(),
            key: key.clone(),
            input_hash: input_hash(self.linking, input),
            outcome: linked.outcome.name().to_owned(),
            identity_id: linked.identity,
            date_added: self.now,
        };
        idempotency_key::Entity::insert(row.into_active_model())
            .exec_without_returning(self.tx)
            .await?;
        Ok(())
    }

    fn new_row(&self, surroundings: &Surroundings, primary: bool) -> identity::Model {
        let request = self.request;
        let provider = &surroundings.provider;
        let blank = identity::Model {
            id: IdentityId::new(&self.linking.clock),
            provider_id: provider.id,
            provider_type: provider.provider_type.clone(),
            organization_id: provider.organization_id,
            user_id: request.user_id,
            external_id: String::new(),
            account_slot: String::new(),
            is_primary: primary,
            email: None,
            email_folded: None,
            email_verified: None,
            username: None,
            display_name: None,
            attributes_json: Json(json!({})),
            scopes_json: Texts::default(),
            status: identity::Status::Valid,
            data_json: Json(json!({})),
            version: 0,
            date_added: self.now,
            date_updated: self.now,
            date_verified: self.now,
        };
        self.changed_row(&blank, provider.allows_multiple_per_user)
    }

    /// `stored` with all that the request says; what it leaves out stays.
    fn changed_row(&self, stored: &identity::Model, allows_multiple: bool) -> identity::Model {
        let request = self.request;
        let Profile {
            email,
            email_verified,
            username,
            display_name,
            attributes,
        } = request.profile.clone();
        let stored = stored.clone();
        // What was known of another account is not known of this one.
        let same = stored.external_id == request.external_id;
        let email = email.or(stored.email.clone().filter(|_| same));
        let known = (stored.email.as_deref(), stored.email_verified);
        let proof = proof_of_address(&email_verified, email.as_deref(), known);
        identity::Model {
            external_id: request.external_id.clone(),
            account_slot: if allows_multiple {
                request.external_id.clone()
            } else {
                String::new()
            },
            email_folded: email.as_deref().map(fold_case),
            email,
            email_verified: if same { proof } else { email_verified.or(None) },
            username: username.or(stored.username.filter(|_| same)),
            display_name: display_name.or(stored.display_name.filter(|_| same)),
            attributes_json: attributes
                .or(same.then_some(stored.attributes_json.0))
                .map_or_else(|| Json(json!({})), Json),
            scopes_json: match &request.scopes {
                Some(scopes) => Texts(scopes.clone()),
                None if same => stored.scopes_json,
                None => Texts::default(),
            },
            data_json: request.data.clone().map_or(stored.data_json, Json),
            status: identity::Status::Valid,
            version: stored.version + 1,
            date_updated: self.now,
            date_verified: self.now,
            ..stored
        }
    }

    /// Seals the request's tokens into the credential. What is left out stays: providers give a
    /// refresh token at the first sign-in only, and name the scopes where they differ (RFC 6749
    /// §5.1). When the access token ends is said of this very token, and never stays.
    async fn store_tokens(
        &self,
        id: IdentityId,
        stored: Option<credential::Model>,
    ) -> Result<(), Error> {
        let Some(tokens) = &self.request.tokens else {
            return Ok(());
        };
        let Tokens {
            access_token,
            refresh_token,
            ..
        } = tokens;
        let known = stored.as_ref();
        let sealing = self.linking.vault.sealing(self.tx).await?;
        let seal = |place: Place<'_>, token: &secrecy::SecretString| {
            sealing.seal(&place, token.expose_secret().as_bytes())
        };
        let new_grant = || Some(self.linking.clock.new_uuid());
        let (refresh_token_sealed, refresh_token_expires_at, grant_id) = match refresh_token {
            Change::Keep => (
                known.and_then(|known| known.refresh_token_sealed.clone()),
                known.and_then(|known| known.refresh_token_expires_at),
                // A refresh that is on its way may bring its successor.
                known.map_or_else(new_grant, |known| known.grant_id),
            ),
            Change::Clear => (None, None, new_grant()),
            Change::Set(token) => (
                Some(seal(refresh_token_place(&id), token)),
                tokens.refresh_token_expires_at,
                new_grant(),
            ),
        };
        // Whoever refreshes another grant is not waited for.
        let same_grant = known.filter(|known| known.grant_id == grant_id);
        let row = credential::Model {
            identity_id: id,
            access_token_sealed: seal(access_token_place(&id), access_token),
            // At once: then it is said when.
            keep_alive_at: refresh_token_sealed.is_some().then_some(self.now),
            refresh_token_sealed,
            token_type: tokens
                .token_type
                .clone()
                .or_else(|| known.and_then(|known| known.token_type.clone())),
            scopes_json: match &tokens.scopes {
                Some(scopes) => Texts(scopes.clone()),
                None => known
                    .map(|known| known.scopes_json.clone())
                    .unwrap_or_default(),
            },
            expires_at: tokens.expires_at,
            refresh_token_expires_at,
            date_added: stored.as_ref().map_or(self.now, |stored| stored.date_added),
            date_updated: self.now,
            grant_id,
            refreshed_at: known.and_then(|known| known.refreshed_at),
            failures: 0,
            failure_reason: None,
            next_attempt_at: None,
            lease_owner: same_grant.and_then(|known| known.lease_owner.clone()),
            lease_fence: known.map_or(0, |known| known.lease_fence),
            lease_until: same_grant.and_then(|known| known.lease_until),
            token_fence: known.map_or(0, |known| known.token_fence),
        };
        if stored.is_some() {
            credential::update(self.tx, row).await?;
        } else {
            credential::Entity::insert(row.into_active_model())
                .exec_without_returning(self.tx)
                .await?;
        }
        Ok(())
    }
}
