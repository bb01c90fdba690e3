//! The connection to Temporal, and the worker of its task queue.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backoff::Backoff;
use secrecy::{ExposeSecret as _, SecretString};
use settings::Env;
use temporalio_client::errors::{ClientConnectError, WorkflowStartError};
use temporalio_client::{
    Client, ClientOptions, ConnectionOptions, TlsOptions, WorkflowIdConflictPolicy, WorkflowStartOptions,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::{
    Runtime, Worker, WorkerCreateError, WorkerOptions, WorkerRunError, WorkflowRegistrationError,
};
use tokio::sync::{OnceCell, oneshot};
use tokio_util::sync::CancellationToken;
use tonic::Request;
use url::Url;

use crate::activities::Activities;
use crate::workflows::{BillRun, BillRunWorkflow, Payment, PaymentWorkflow};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Workflows kept in memory between their steps; others are replayed when their turn comes.
const CACHED: usize = 500;
/// How long to wait at most before the worker is begun anew.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long activities under way may take when the worker stops.
const STOP: Duration = Duration::from_secs(10);

/// Where Temporal is, and what there is ours.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `TEMPORAL__URL`, `http://host:7233`, or `https` for TLS.
    pub url: Url,
    /// `TEMPORAL__NAMESPACE`, default `guildhall`.
    pub namespace: String,
    /// `TEMPORAL__TASK_QUEUE`, default `guildhall`.
    pub task_queue: String,
    /// `TEMPORAL__API_KEY`, where the server wants one.
    pub api_key: Option<SecretString>,
}

/// The variables, for those who do not read them.
pub const VARIABLES: &[&str] =
    &["TEMPORAL__URL", "TEMPORAL__NAMESPACE", "TEMPORAL__TASK_QUEUE", "TEMPORAL__API_KEY"];

impl Settings {
    /// Reads the variables; what is wrong is noted in `env`.
    pub fn load(env: &mut Env) -> Option<Self> {
        let url = env.var_with("TEMPORAL__URL", url).required();
        let namespace = env.var("TEMPORAL__NAMESPACE").default("guildhall".to_owned());
        let task_queue = env.var("TEMPORAL__TASK_QUEUE").default("guildhall".to_owned());
        let api_key = env.secret("TEMPORAL__API_KEY").optional();
        Some(Self { url: url?, namespace: namespace?, task_queue: task_queue?, api_key: api_key? })
    }
}

fn url(text: &str) -> Result<Url, String> {
    let url = text.parse().ok().filter(|url: &Url| {
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && url.path() == "/"
    });
    url.ok_or_else(|| "must be http://<host>:<port> or https://<host>:<port>".to_owned())
}

/// Temporal cannot be reached, or does not know us.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error("cannot connect to Temporal")]
    Connect(#[source] Box<ClientConnectError>),
    /// A call failed.
    #[error("Temporal does not do what it is asked for")]
    Call(#[source] Box<tonic::Status>),
    /// A workflow cannot be started or signalled.
    #[error("Temporal does not start a workflow")]
    Start(#[source] Box<WorkflowStartError>),
    /// The worker cannot be made.
    #[error("a worker of Temporal's cannot be made")]
    Create(#[from] WorkerCreateError),
    /// A workflow is registered twice.
    #[error("a worker of Temporal's cannot have its workflows")]
    Register(#[from] WorkflowRegistrationError),
    /// The runtime cannot be made.
    #[error("the runtime of a worker of Temporal's cannot be made")]
    Runtime(#[from] temporalio_sdk::RuntimeError),
    /// The worker ended by itself.
    #[error("a worker of Temporal's ended")]
    Run(#[from] WorkerRunError),
}

/// A connection that is made when it is first needed, and lasts. Cheap to clone.
#[derive(Clone)]
pub struct Temporal {
    settings: Arc<Settings>,
    client: Arc<OnceCell<Client>>,
}

impl fmt::Debug for Temporal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Temporal").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Temporal {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { settings: Arc::new(settings.clone()), client: Arc::default() }
    }

    /// The task queue that our workers serve.
    #[must_use]
    pub fn task_queue(&self) -> &str {
        &self.settings.task_queue
    }

    /// The connection.
    ///
    /// # Errors
    /// When there was none yet, and none can be made.
    pub async fn client(&self) -> Result<&Client, Error> {
        let connected = self.client.get_or_try_init(|| async {
            let Settings { url, namespace, api_key, .. } = &*self.settings;
            let tls = (url.scheme() == "https").then(TlsOptions::default);
            let options = ConnectionOptions::new(url.clone())
                .identity(format!("guildhall-worker {}", std::process::id()))
                .connect_timeout(CONNECT)
                .maybe_tls_options(tls)
                .maybe_api_key(api_key.as_ref().map(|key| key.expose_secret().to_owned()))
                .build();
            Client::connect(options, ClientOptions::new(namespace.clone()).build()).await
        });
        connected.await.map_err(|error: ClientConnectError| Error::Connect(Box::new(error)))
    }

    /// Whether the server knows our namespace.
    ///
    /// # Errors
    /// When it cannot be asked, or says no.
    pub async fn check(&self) -> Result<(), Error> {
        let client = self.client().await?;
        let namespace = self.settings.namespace.clone();
        let request = Request::new(DescribeNamespaceRequest { namespace, ..Default::default() });
        let described = client.connection().workflow_service().describe_namespace(request).await;
        described.map(drop).map_err(|status| Error::Call(Box::new(status)))
    }

    /// Has a payment's workflow go on at once; starts it where there is none.
    ///
    /// # Errors
    /// The call's.
    pub async fn want_payment(&self, payment: Payment) -> Result<(), Error> {
        let options = WorkflowStartOptions::new(self.task_queue(), payment.workflow_id()).build();
        let (run, wanted) = (PaymentWorkflow::run, PaymentWorkflow::wanted);
        let client = self.client().await?;
        let started = client.signal_with_start_workflow(run, payment, wanted, (), options).await;
        started.map(drop).map_err(|error| Error::Start(Box::new(error)))
    }

    /// Starts a run's workflow; where there is one, that is the one.
    ///
    /// # Errors
    /// The call's.
    pub async fn want_bill_run(&self, run: BillRun) -> Result<(), Error> {
        let options = WorkflowStartOptions::new(self.task_queue(), run.workflow_id())
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .build();
        let started = self.client().await?.start_workflow(BillRunWorkflow::run, run, options).await;
        started.map(drop).map_err(|error| Error::Start(Box::new(error)))
    }

    /// Runs workflows and activities until `shutdown`, then until the activities under way are done. What ends it before that is logged,
    /// and it is begun anew.
    ///
    /// Workflows cannot move between threads: they have one of their own, on which activities wait as well.
    pub async fn run(self, activities: Activities, shutdown: CancellationToken) {
        let (ended, wait) = oneshot::channel();
        let thread = std::thread::Builder::new().name("temporal".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(self.keep_running(activities, shutdown)),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "no runtime for workflows");
                }
            }
            // Nobody waits any more where the process ends anyway.
            let _ = ended.send(());
        });
        match thread {
            Ok(_) => drop(wait.await),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no thread for workflows");
            }
        }
    }

    async fn keep_running(self, activities: Activities, shutdown: CancellationToken) {
        let mut waits = Backoff::up_to(LONGEST_WAIT);
        while !shutdown.is_cancelled() {
            let error = match self.run_once(&activities, &shutdown).await {
                Ok(()) => return,
                Err(error) => error,
            };
            tracing::warn!(error = &error as &dyn std::error::Error, "no workflows run, will try again");
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(waits.fail()) => {}
            }
        }
    }

    async fn run_once(&self, activities: &Activities, shutdown: &CancellationToken) -> Result<(), Error> {
        let client = self.client().await?.clone();
        let runtime = Runtime::from_current_tokio(RuntimeOptions::default())?;
        let options = WorkerOptions::new(self.task_queue())
            .max_cached_workflows(CACHED)
            .graceful_shutdown_period(STOP)
            .register_activities(activities.payment.clone())
            .register_activities(activities.bill_run.clone())
            .register_workflow::<PaymentWorkflow>()?
            .register_workflow::<BillRunWorkflow>()?;
        let mut worker = Worker::new(&runtime, client, options.build())?;
        let stop = worker.shutdown_handle();
        tracing::info!(temporal.task_queue = self.task_queue(), "workflows run");
        let mut stopped = std::pin::pin!(shutdown.cancelled());
        let mut running = std::pin::pin!(worker.run());
        tokio::select! {
            ended = &mut running => return Ok(ended?),
            () = &mut stopped => stop(),
        }
        Ok(running.await?)
    }
}
