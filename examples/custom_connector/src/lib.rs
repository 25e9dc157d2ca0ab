//! A connector of your own: books over HTTP.
