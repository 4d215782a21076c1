//! A browser's request for a page: who looks at it, and the pages that any of them may end in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, EndpointExt, IntoResponse, Request, Response};

use super::pages::{self, FlowLink, Refusal, Refused, refused};
use super::{Http, RequestId, authenticate};
use crate::access::Person;
use crate::database::identity_provider;
use crate::error::Error;

/// Bytes of a form of ours.
const FORM: usize = 16 * 1024;
/// How long a form may take to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

/// A request for a page.
pub struct Visit {
    pub http: Http,
    pub request: Request,
    pub request_id: String,
    /// Who is signed in.
    pub person: Option<Arc<Person>>,
}

/// The page that answers, or why it is refused.
pub type Visited = Result<Response, Refusal>;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        tracing::error!(error = ?error, "a page failed");
        Self::Internal
    }
}

/// A route of pages: `answer` for each of its methods.
pub fn route(
    http: &Http,
    methods: &'static [Method],
    answer: fn(Visit) -> BoxFuture<'static, Visited>,
) -> impl Endpoint<Output = Response> + use<> {
    let http = http.clone();
    poem::endpoint::make(move |request: Request| {
        let http = http.clone();
        async move {
            let mut visit = Visit::new(http, request);
            if !methods.contains(visit.request.method()) {
                let mut response = visit.refusal(Refusal::MethodNotAllowed);
                let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
                if let Ok(allowed) = HeaderValue::try_from(names.join(", ")) {
                    response.headers_mut().insert(header::ALLOW, allowed);
                }
                return Ok::<_, poem::Error>(response);
            }
            if let Err(error) = visit.find_person().await {
                tracing::error!(request.id = %visit.request_id, error = ?error, "a session could not be read");
                return Ok(visit.refusal(Refusal::Internal));
            }
            let refusing = visit.aside();
            Ok(match answer(visit).await {
                Ok(response) => response,
                Err(refusal) => refusing.refusal(refusal),
            })
        }
    })
    .map_to_response()
}

/// What the page of a refusal needs, when the visit itself is gone.
struct Aside {
    request_id: String,
    signed_in: bool,
}

impl Aside {
    fn refusal(&self, refusal: Refusal) -> Response {
        let view = Refused {
            refusal,
            provider: None,
            again: None,
            signed_in: self.signed_in,
            request_id: &self.request_id,
        };
        refused(&view).into_response()
    }
}

impl Visit {
    fn new(http: Http, request: Request) -> Self {
        let request_id = request
            .data::<RequestId>()
            .map(|id| id.0.clone())
            .unwrap_or_default();
        Self {
            http,
            request,
            request_id,
            person: None,
        }
    }

    async fn find_person(&mut self) -> Result<(), Error> {
        self.person = authenticate::person(&self.http, self.request.headers()).await?;
        Ok(())
    }

    fn aside(&self) -> Aside {
        Aside {
            request_id: self.request_id.clone(),
            signed_in: self.person.is_some(),
        }
    }

    /// The page of a refusal that no provider has a part in.
    pub fn refusal(&self, refusal: Refusal) -> Response {
        self.aside().refusal(refusal)
    }

    /// The page of a flow that was refused.
    pub fn flow_refused(
        &self,
        refusal: Refusal,
        provider: &identity_provider::Model,
        again: Option<FlowLink<'_>>,
    ) -> Response {
        let view = Refused {
            refusal,
            provider: Some(&provider.name),
            again,
            signed_in: self.person.is_some(),
            request_id: &self.request_id,
        };
        refused(&view).into_response()
    }

    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The parameters of the address.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for one that is there twice: which one is meant is not for us to guess.
    pub fn query(&self) -> Result<Form, Refusal> {
        Form::parse(self.request.uri().query().unwrap_or_default().as_bytes())
    }

    /// The part of the route that is called `:slug`.
    pub fn slug(&self) -> String {
        self.path_param("slug")
    }

    /// The part of the route of that name.
    pub fn path_param(&self, name: &str) -> String {
        let part = self.request.raw_path_param(name);
        part.unwrap_or_default().to_owned()
    }

    /// The fields of a form that a page of ours sent.
    ///
    /// # Errors
    /// `FORM_INVALID` where it came from elsewhere, `BAD_USER_INPUT`.
    pub async fn form(&mut self) -> Result<Form, Refusal> {
        if !self.http.site.sent_the_form(self.request.headers()) {
            return Err(Refusal::FormInvalid);
        }
        Form::parse(&self.form_body(FORM).await?)
    }

    /// The body of a form, whoever sent it.
    pub async fn form_body(&mut self, most: usize) -> Result<Vec<u8>, Refusal> {
        let is_form = self.request.content_type().is_some_and(|content_type| {
            let essence = content_type.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        if !is_form {
            return Err(Refusal::BadRequest);
        }
        let body: Body = self.request.take_body();
        match tokio::time::timeout(FORM_TIMEOUT, body.into_bytes_limit(most)).await {
            Ok(Ok(bytes)) => Ok(bytes.to_vec()),
            Ok(Err(_)) | Err(_) => Err(Refusal::BadRequest),
        }
    }
}

/// Parameters of an address or a form, each there once.
pub struct Form(HashMap<String, String>);

impl Form {
    fn parse(encoded: &[u8]) -> Result<Self, Refusal> {
        let mut fields = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            if fields
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(Refusal::BadRequest);
            }
        }
        Ok(Self(fields))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Sends the browser on, by GET.
pub fn go_to(address: &str) -> Response {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(header::LOCATION, address)
        .finish()
}

/// The same page of a path and one parameter.
pub fn address_of(path: &str, name: &str, value: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, value);
    format!("{path}?{}", query.finish())
}

/// Adds a cookie to keep, or to forget.
pub fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// What a browser sees where no route answers.
pub fn error_page(status: StatusCode, request_id: &str) -> Response {
    let refusal = match status {
        StatusCode::NOT_FOUND => Refusal::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Refusal::MethodNotAllowed,
        status if status.is_client_error() => Refusal::BadRequest,
        _ => Refusal::Internal,
    };
    let aside = Aside {
        request_id: request_id.to_owned(),
        signed_in: false,
    };
    aside.refusal(refusal)
}

/// A provider as pages name it.
pub fn named(row: &identity_provider::Model) -> pages::Provider<'_> {
    pages::Provider {
        slug: &row.slug,
        name: &row.name,
    }
}
