//! `headwater config check`: every catalog validated, nothing connected to.

use crate::render::Output;
use crate::report::{Failure, report_error, warning};
use crate::settings::Settings;
use headwater_core::{Error, Result};

/// Reports each catalog, the good and the bad.
pub(crate) fn check(settings: &Settings) -> Result<(), Failure> {
    let mut output = Output::open(None)?;
    let mut wrong = 0_usize;
    for (name, checked) in &settings.catalogs {
        let built = checked.as_ref().map_err(Error::retold).and_then(|catalog| {
            settings.connectors.build(catalog)?;
            Ok(format!("OK  {name}  {}  {}\n", catalog.connector, catalog.origin))
        });
        match built {
            Ok(line) => output.text(&line)?,
            Err(error) => {
                wrong += 1;
                report_error(&error);
            }
        }
    }
    if settings.voice.notes {
        for place in &settings.literal_passwords {
            warning(place, "put it into the catalog's own option as a reference: password = \"${env:NAME}\"");
        }
    }
    if settings.files.is_empty() {
        output.text("no configuration file: only catalogs given by --catalog exist\n")?;
    }
    output.finish()?;
    match wrong {
        0 => Ok(()),
        _ => Err(Error::config(format!("{wrong} of {} catalogs are wrong", settings.catalogs.len())).into()),
    }
}
