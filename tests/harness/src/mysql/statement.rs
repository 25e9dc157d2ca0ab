//! The general query log: what clients have sent.

/// One command that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MySqlStatement {
    /// The server's number of the connection, as `CONNECTION_ID()` gives it.
    pub connection: u64,
    /// The kind of command: `Query`, `Prepare`, `Execute`, `Close stmt`, `Connect`, `Quit` and others.
    pub command: String,
    /// The statement, with all values in the case of `Execute`; for other commands what the server notes.
    pub text: String,
}

/// Reads the log of either product; lines before the first command are left out.
pub(super) fn parse(log: &str) -> Vec<MySqlStatement> {
    let mut statements: Vec<MySqlStatement> = Vec::new();
    for line in log.lines() {
        match (command(line), statements.last_mut()) {
            (Some(statement), _) => statements.push(statement),
            // A statement of several lines; a server that starts again writes its heading among them.
            (None, Some(statement)) => {
                statement.text.push('\n');
                statement.text.push_str(line);
            }
            (None, None) => {}
        }
    }
    statements
}

/// `2026-01-02T03:04:05.678901Z<TAB>    8 Query<TAB>SELECT 1`; MariaDB's time is `260102  3:04:05` or, when it is the same
/// as in the line before, nothing but one more tab.
fn command(line: &str) -> Option<MySqlStatement> {
    let (time, rest) = line.split_once('\t')?;
    if !time.chars().all(|letter| letter.is_ascii_digit() || " -:.TZ".contains(letter)) {
        return None;
    }
    let (head, text) = rest.trim_start_matches('\t').split_once('\t')?;
    let (connection, command) = head.trim_start().split_once(' ')?;
    let is_command = command.starts_with(|letter: char| letter.is_ascii_uppercase())
        && command.chars().all(|letter| letter.is_ascii_alphabetic() || letter == ' ');
    let connection = connection.parse().ok().filter(|_| is_command)?;
    Some(MySqlStatement { connection, command: command.to_owned(), text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(connection: u64, command: &str, text: &str) -> MySqlStatement {
        MySqlStatement { connection, command: command.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn both_products_logs_are_understood() {
        let heading = "/usr/sbin/mysqld, Version: 9.7.4. started with:\nTcp port: 1  Unix socket: \nTime  Id Command    Argument\n";
        let mysql = "2026-11-21T09:57:42.205666Z\t    6 Query\tSELECT 1,\n\t2\n2026-11-21T09:57:43.205666Z\t    6 Close stmt\t\n";
        let wanted = [statement(6, "Query", "SELECT 1,\n\t2"), statement(6, "Close stmt", "")];
        assert_eq!(parse(&format!("{heading}{mysql}")), wanted);
        let mariadb =
            "261121  9:58:26\t     3 Query\tSELECT 1\n\t\t     4 Connect\theadwater@127.0.0.1 on x using SSL/TLS\n";
        let wanted =
            [statement(3, "Query", "SELECT 1"), statement(4, "Connect", "headwater@127.0.0.1 on x using SSL/TLS")];
        assert_eq!(parse(mariadb), wanted);
    }
}
