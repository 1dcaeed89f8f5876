//! `info FILE`: what a file holds.

use scarce_cli::arguments::InfoArguments;
use scarce_cli::exit::UsageError;
use scarce_cli::json_output;

/// Prints, or writes as JSON.
pub fn run(arguments: &InfoArguments) -> anyhow::Result<()> {
    let Some(file) = &arguments.file else {
        return Err(UsageError("name a file or a --model".to_owned()).into());
    };
    let findings = serde_json::to_value(scarce_io::info(file)?)?;
    json_output::tell(arguments.json.as_deref(), &findings)
}
