//! The one rule for tokens, the same at both ends.

use headwater_core::{Error, Result, Secret};

/// What a header carries of a token: all but the blanks and line ends at its end, which files and terminals leave there.
///
/// # Errors
/// `Config` for characters that no header can carry. The token is not shown.
pub(crate) fn carried(token: &Secret) -> Result<&str> {
    let carried = token.expose().trim_end();
    if carried.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Ok(carried);
    }
    Err(Error::config("the token holds a character that no header can").with_hint(
        "a token is of visible ASCII characters; is there a line break, a tab or a letter with an accent in it?",
    ))
}
