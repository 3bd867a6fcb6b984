//! What is made from the definitions of the command line: completions for shells, manual pages.

use crate::common::Verbosity;
use crate::info::print;
use crate::Cli;
use clap::CommandFactory as _;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};

/// Print completions for a shell.
///
/// bash: halocline completions bash > ~/.local/share/bash-completion/completions/halocline;
/// zsh: halocline completions zsh > a folder of $fpath, as `_halocline`; fish: halocline
/// completions fish > ~/.config/fish/completions/halocline.fish
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CompletionsArgs {
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

/// Write a manual page for each command into a folder.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ManArgs {
    /// Where to, as in ~/.local/share/man/man1
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// Runs `halocline completions`.
///
/// # Collective
/// One rank does it.
pub(crate) fn completions(comm: &Comm, args: &CompletionsArgs) -> Result<()> {
    comm.on_root(|| {
        let mut text = Vec::new();
        clap_complete::generate(args.shell, &mut Cli::command(), "halocline", &mut text);
        print(&String::from_utf8_lossy(&text))
    })
}

/// Runs `halocline man`.
///
/// # Collective
/// One rank does it.
pub(crate) fn man(comm: &Comm, args: &ManArgs, verbosity: Verbosity) -> Result<()> {
    let pages = comm.on_root(|| {
        let failed = |e: std::io::Error| {
            Error::system(format!("manual pages can't be written: {e}"))
                .in_file(&args.dir)
                .remedy("choose another folder with --dir")
        };
        std::fs::create_dir_all(&args.dir).map_err(failed)?;
        let mut command = Cli::command();
        command.build();
        let mut pages = 0;
        write(&command, &args.dir, &mut pages).map_err(failed)?;
        Ok(pages)
    })?;
    verbosity.say(comm, || format!("wrote {pages} manual pages to {}", args.dir.display()));
    Ok(())
}

/// Writes the page of a command and those of the commands below it.
fn write(command: &clap::Command, dir: &Path, pages: &mut usize) -> std::io::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    man.render(&mut text)?;
    std::fs::write(dir.join(man.get_filename()), text)?;
    *pages += 1;
    let below = command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help");
    below.into_iter().try_for_each(|c| write(c, dir, pages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_completions() {
        let dir = std::env::temp_dir().join(format!("halocline-man-{}", std::process::id()));
        man(&Comm::serial(), &ManArgs { dir: dir.clone() }, Verbosity::default()).expect("written");
        let mut text = Vec::new();
        clap_complete::generate(clap_complete::Shell::Bash, &mut Cli::command(), "halocline", &mut text);
        let completions = String::from_utf8_lossy(&text);
        for command in Cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
            let name = command.get_name();
            let page = dir.join(format!("halocline-{name}.1"));
            let page = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
            assert!(page.contains(".SH OPTIONS") || page.contains(".SH SYNOPSIS"), "{name}");
            assert!(completions.contains(&format!("halocline,{name})")), "{name}");
        }
        assert!(dir.join("halocline.1").exists() && dir.join("halocline-spectrum-power.1").exists());
        std::fs::remove_dir_all(&dir).expect("the folder is ours");
    }
}
