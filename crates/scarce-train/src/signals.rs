//! Stopping in good order: a signal sets a flag, the loop finishes its step and saves.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::signal::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::TrainError;

/// The exit code of a training that a signal stopped.
pub const INTERRUPTED_EXIT_CODE: u8 = 130;

/// From now on, SIGINT (Ctrl-C), SIGTERM (a scheduler's end) and SIGUSR1 (`sbatch --signal=USR1@90`) set
/// the flag instead of ending the process. A second SIGINT ends it at once, with exit code 130.
///
/// Nothing is saved in the handler: the step under way must come to its end. To be called once.
///
/// # Errors
/// [`TrainError::Io`] where the system refuses a handler.
pub fn stop_on_signals() -> Result<Arc<AtomicBool>, TrainError> {
    let stop = Arc::new(AtomicBool::new(false));
    let register = || -> std::io::Result<()> {
        // Handlers run in this order: the first SIGINT arms the way out that the second one takes.
        let interrupted = Arc::new(AtomicBool::new(false));
        let code = i32::from(INTERRUPTED_EXIT_CODE);
        flag::register_conditional_shutdown(SIGINT, code, Arc::clone(&interrupted))?;
        flag::register(SIGINT, interrupted)?;
        for signal in [SIGINT, SIGTERM] {
            flag::register(signal, Arc::clone(&stop))?;
        }
        #[cfg(unix)]
        flag::register(signal_hook::consts::signal::SIGUSR1, Arc::clone(&stop))?;
        Ok(())
    };
    register().map_err(|source| TrainError::Io {
        what: "cannot handle signals",
        source,
        path: PathBuf::from("of this process"),
    })?;
    Ok(stop)
}
