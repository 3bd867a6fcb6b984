//! The one error type of Halocline and its exit codes.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What went wrong, as a batch script needs to know it. Each kind has one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Wrong use: options, an unknown variable, more modes than there are (2).
    Usage,
    /// The data are absent, malformed, inconsistent or have changed (3).
    Data,
    /// The system's read or write failed: disk full, permissions (4).
    System,
    /// The memory promise can't be kept (5).
    Memory,
    /// Communication or launch (6).
    Communication,
    /// `verify` found a difference (7).
    Difference,
    /// A bug of ours (70).
    Internal,
    /// State saved on request or at the time limit; run again to go on (75).
    Checkpointed,
}

impl ErrorKind {
    /// The process exit code that stands for this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Data => 3,
            Self::System => 4,
            Self::Memory => 5,
            Self::Communication => 6,
            Self::Difference => 7,
            Self::Internal => 70,
            Self::Checkpointed => 75,
        }
    }
}

/// An error as the user reads it: file, variable, what is wrong, what to do about it.
///
/// It is plain data, so that the ranks of a job can agree on one error
/// ([`Comm::agree`](crate::comm::Comm::agree)) and print it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// Decides the exit code.
    pub kind: ErrorKind,
    /// What is wrong, without file and variable.
    pub message: String,
    /// The file at fault.
    pub file: Option<String>,
    /// The variable at fault.
    pub variable: Option<String>,
    /// What the user can do.
    pub remedy: Option<String>,
    /// The rank that met it, when the ranks have agreed on an error.
    pub rank: Option<usize>,
}

/// `Result` with Halocline's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), file: None, variable: None, remedy: None, rank: None }
    }
    /// [`ErrorKind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }
    /// [`ErrorKind::Data`].
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }
    /// [`ErrorKind::System`].
    pub fn system(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::System, message)
    }
    /// [`ErrorKind::Communication`].
    pub fn communication(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Communication, message)
    }
    /// [`ErrorKind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }
    /// Names the file at fault, unless one is named already.
    #[must_use]
    pub fn in_file(mut self, file: impl AsRef<std::path::Path>) -> Self {
        self.file.get_or_insert_with(|| file.as_ref().display().to_string());
        self
    }
    /// Names the variable at fault, unless one is named already.
    #[must_use]
    pub fn in_variable(mut self, variable: impl Into<String>) -> Self {
        self.variable.get_or_insert_with(|| variable.into());
        self
    }
    /// Says what the user can do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
    /// Says what else the user can do.
    #[must_use]
    pub fn or_remedy(self, other: &str) -> Self {
        let all = match &self.remedy {
            Some(first) => format!("{first}, or {other}"),
            None => other.to_owned(),
        };
        self.remedy(all)
    }
    /// The exit code of [`Self::kind`].
    pub const fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever a library's message or the name of a file contains.
        let one_line = |text: &str| text.replace(['\n', '\r'], " ");
        if let Some(file) = &self.file {
            write!(f, "{}: ", one_line(file))?;
        }
        if let Some(variable) = &self.variable {
            write!(f, "variable `{}`: ", one_line(variable))?;
        }
        write!(f, "{}", one_line(&self.message))?;
        if let Some(remedy) = &self.remedy {
            write!(f, "; {}", one_line(remedy))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
