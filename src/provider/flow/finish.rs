//! The way back.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::error::{FlowError, Refusal};
use super::registration::Party;
use super::{Answer, Browser, Facts, Finished, Flows, Purpose, place};
use crate::database::{flow, identity_provider};
use crate::error::Error;
use crate::provider::account::Account;
use crate::provider::relying_party::{Pinned, Step, printable};
use crate::token;

impl Flows {
    /// Keeps an answer that came by POST for the browser's GET, which brings the cookie along.
    /// Says nothing of whose it is: only the state that it came with says so.
    ///
    /// # Errors
    /// `FLOW_UNKNOWN`, `FLOW_EXPIRED`, `ANSWER_INVALID`.
    pub async fn store_post(&self, slug: &str, answer: &Answer) -> Result<(), FlowError> {
        let row = self.open_flow(answer).await?;
        if row.slug != slug {
            return Err(wrong_route(&row, slug));
        }
        let place = &place(&row.id, "answer_sealed");
        let encoded = &answer.encode();
        self.database
            .write(|tx| async move {
                let tx = &*tx;
                let sealed = self.vault.sealing(tx).await?.seal(place, encoded);
                Ok(flow::keep_answer(tx, row.id, sealed).await?)
            })
            .await?;
        Ok(())
    }

    /// Ends a flow: the browser, the route, the provider and the session are those that began
    /// it, the answer comes from the provider that was asked, and the account is who it says.
    ///
    /// The first answer that its own browser brings uses the state up, whatever comes of it. One
    /// that another browser brings doesn't: it gets nowhere as often as it tries, and whoever
    /// came to know a state could else end somebody's flow.
    ///
    /// # Errors
    /// Each as [`Refusal`] has it.
    pub async fn finish(
        &self,
        slug: &str,
        answer: Answer,
        browser: &Browser<'_>,
    ) -> Result<Finished, FlowError> {
        let row = self.open_flow(&answer).await?;
        let shown = (browser.flow_secret)(row.id);
        if !shown
            .is_some_and(|secret| same(&token::hash(secret.expose_secret()), &row.browser_hash))
        {
            return Err(Refusal::OtherBrowser.because("the flow's cookie is missing or another's"));
        }
        let id = row.id;
        let is_ours = self
            .database
            .write(|tx| async move { Ok(flow::consume(&tx, id).await?) })
            .await?;
        if !is_ours {
            return Err(Refusal::Unknown.because("the flow has had its answer just now"));
        }
        let facts = Facts::of(&row)?;
        let ended = self.end(slug, answer, browser.session_id, &facts, &row);
        let ended = ended.await;
        let (provider, account) = ended.map_err(|error| error.of(&facts))?;
        Ok(Finished {
            flow: facts,
            provider,
            account,
        })
    }

    /// The flow that an answer is for.
    async fn open_flow(&self, answer: &Answer) -> Result<flow::Model, FlowError> {
        let unknown = |cause: &str| Refusal::Unknown.because(cause);
        let Some(state) = &answer.state else {
            return Err(unknown("the answer has no state"));
        };
        let row = flow::by_state(self.database.reader(), &token::hash(state.expose_secret()))
            .await
            .map_err(Error::from)?
            .ok_or_else(|| unknown("no flow has this state"))?;
        if row.expires_at <= self.clock.now() {
            return Err(Refusal::Expired.because("the flow began too long ago"));
        }
        Ok(row)
    }

    async fn end(
        &self,
        slug: &str,
        answer: Answer,
        session_id: Option<Uuid>,
        facts: &Facts,
        row: &flow::Model,
    ) -> Result<(identity_provider::Model, Account), FlowError> {
        if row.slug != slug {
            return Err(wrong_route(row, slug));
        }
        match facts.purpose {
            // An application's link has no session; the second page and the code bind it.
            Purpose::SignIn | Purpose::Connect { .. } => {}
            Purpose::Link {
                session_id: began, ..
            } if session_id == Some(began) => {}
            Purpose::Link { .. } => {
                return Err(Refusal::SignInFirst.because("another session began the link"));
            }
        }
        let answer = self.stored(row, answer)?;
        let pinned = self.pinned(row)?;
        check_issuer(&answer, &pinned)?;
        let code = code(answer)?;
        let found = identity_provider::by_ids(self.database.reader(), &[row.provider_id])
            .await
            .map_err(Error::from)?;
        let provider = found
            .into_iter()
            .next()
            .ok_or_else(|| Refusal::ProviderUnavailable.because("the provider was deleted"))?;
        let party = self.party(provider).await?;
        let us = self.registration(&party)?;
        if us.client_id != pinned.client_id || us.server().as_ref() != Some(&pinned.server) {
            return Err(Refusal::Expired.because("the provider's client was changed meanwhile"));
        }
        let answered = self.relying_party.account(&us, &pinned, &code).await?;
        let provider = self.answering(party, answered.instance.as_deref());
        Ok((provider.await?, answered.account))
    }

    /// The row of the instance that has answered: the one that was asked, or one that borrows its
    /// client.
    async fn answering(
        &self,
        party: Party,
        instance: Option<&str>,
    ) -> Result<identity_provider::Model, FlowError> {
        let Some(instance) = instance.filter(|instance| *instance != party.row.external_id) else {
            return Ok(party.row);
        };
        let not_ours = || {
            let why = format!("no provider is set up for {}", printable(instance));
            Refusal::AccountNotAllowed.because(why)
        };
        if party.lender.is_some() {
            return Err(not_ours());
        }
        let db = self.database.reader();
        let found = identity_provider::borrower(db, party.row.id, instance).await;
        let borrower = found.map_err(Error::from)?.ok_or_else(not_ours)?;
        let picked = Party {
            row: borrower,
            lender: Some(party.row),
        };
        self.usable(&picked)?;
        Ok(picked.row)
    }

    /// The answer itself, where it came by POST and this one only says so.
    fn stored(&self, row: &flow::Model, answer: Answer) -> Result<Answer, FlowError> {
        match &row.answer_sealed {
            Some(sealed) if answer.is_pointer() => {
                let opened = self.vault.open(&place(&row.id, "answer_sealed"), sealed);
                Answer::parse(&opened.map_err(FlowError::internal)?)
            }
            Some(_) | None => Ok(answer),
        }
    }

    fn pinned(&self, row: &flow::Model) -> Result<Pinned, FlowError> {
        let opened = self.vault.open(&place(&row.id, "sealed"), &row.sealed);
        // The library's words could show what was sealed.
        serde_json::from_slice(&opened.map_err(FlowError::internal)?).map_err(|_| {
            Error::Internal(anyhow::anyhow!("what a flow is pinned to can't be read")).into()
        })
    }
}

/// RFC 9207 §2.4: compared as texts, and required where the provider says that it is sent.
fn check_issuer(answer: &Answer, pinned: &Pinned) -> Result<(), FlowError> {
    let invalid = |cause: String| Err(Refusal::AnswerInvalid(Step::Issuer).because(cause));
    // OAuth 2.0 alone has no issuer to compare with: each provider has a redirect URI of its own.
    let Some((expected, has_to)) = pinned.named_issuer() else {
        return Ok(());
    };
    match &answer.issuer {
        Some(issuer) if issuer == expected => Ok(()),
        Some(issuer) => invalid(format!("the answer comes from {}", printable(issuer))),
        None if has_to => invalid("the answer doesn't say where it comes from".into()),
        None => Ok(()),
    }
}

/// The code, or why there is none: RFC 6749 §4.1.2.1.
fn code(answer: Answer) -> Result<SecretString, FlowError> {
    let Some(error) = &answer.error else {
        let no_code = || Refusal::AnswerInvalid(Step::State).because("the answer has no code");
        return answer.code.ok_or_else(no_code);
    };
    let refusal = match error.as_str() {
        "access_denied" => Refusal::AccessDenied,
        "temporarily_unavailable" | "server_error" => Refusal::ProviderUnavailable,
        _ => Refusal::ProviderRefused,
    };
    let description = answer
        .error_description
        .as_deref()
        .unwrap_or("no description");
    Err(refusal.because(printable(&format!(
        "the provider said {error}: {description}"
    ))))
}

fn wrong_route(row: &flow::Model, slug: &str) -> FlowError {
    let (asked, slug) = (&row.slug, printable(slug));
    Refusal::AnswerInvalid(Step::State)
        .because(format!("{asked} was asked, and the answer came to {slug}"))
}

/// Compares hashes in a time that doesn't tell where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .fold(0, |difference, (one, other)| difference | (one ^ other))
            == 0
}
