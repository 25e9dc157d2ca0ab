//! Conditions as they travel: readers of JSON take only so many levels.

use headwater_core::wire::PlanAnswer;
use headwater_core::{Answer, Expr, ScanRequest};

/// A level of a condition is two of JSON, of which many readers take 128, with what is around it.
const DEEPEST: usize = 40;
const TOO_DEEP: &str = "nested too deeply to be sent to the server";
const BENEATH: &str = "conditions that are not sent to the server apply first";

/// The request as it is sent, and which of its conditions are.
pub(crate) struct Sent {
    pub(crate) request: ScanRequest,
    each: Vec<bool>,
    is_whole: bool,
}

impl Sent {
    pub(crate) fn new(request: &ScanRequest) -> Self {
        let flat: Vec<Expr> = request.filters.iter().map(flattened).collect();
        let each: Vec<bool> = flat.iter().map(|filter| depth(filter) <= DEEPEST).collect();
        let filters = flat.into_iter().zip(&each).filter_map(|(filter, sent)| sent.then_some(filter)).collect();
        let is_whole = each.iter().all(|sent| *sent);
        // Rows that a condition here throws away must not use up a limit there.
        let limit = request.limit.filter(|_| is_whole);
        let top = request.top.clone().filter(|_| is_whole);
        Self { request: ScanRequest { filters, top, limit, ..request.clone() }, each, is_whole }
    }

    /// The answer with a refusal in the place of each condition that was not sent, and of the limit beneath it.
    ///
    /// # Errors
    /// What is wrong with an answer that does not have one answer per condition sent, and one for the limit if that
    /// was: there is no telling which belongs to which.
    pub(crate) fn complete(self, mut answer: PlanAnswer, limit: Option<u64>) -> Result<PlanAnswer, String> {
        let (asked, answered) = (self.request.filters.len(), answer.filters.len());
        if answered != asked {
            return Err(format!("asked about {asked} conditions, it answers {answered}"));
        }
        if answer.limit.is_some() != self.request.limit.is_some() {
            return Err("it answers a limit if, and only if, there is none".to_owned());
        }
        if self.is_whole {
            return Ok(answer);
        }
        let mut answered = answer.filters.into_iter();
        let fill = |sent: bool| if sent { answered.next() } else { Some(Answer::Refused(TOO_DEEP.to_owned())) };
        answer.filters = self.each.into_iter().filter_map(fill).collect();
        // Without an answer to the top, it is refused.
        answer.limit = limit.map(|_| Answer::Refused(BENEATH.to_owned()));
        Ok(answer)
    }
}

/// The same condition with `a AND (b AND c)` as `a AND b AND c`, and likewise for `OR`.
fn flattened(expr: &Expr) -> Expr {
    match expr {
        Expr::And(parts) => {
            let flat = |part| if let Expr::And(inner) = part { inner } else { vec![part] };
            Expr::And(parts.iter().map(flattened).flat_map(flat).collect())
        }
        Expr::Or(parts) => {
            let flat = |part| if let Expr::Or(inner) = part { inner } else { vec![part] };
            Expr::Or(parts.iter().map(flattened).flat_map(flat).collect())
        }
        Expr::Not(operand) => Expr::Not(Box::new(flattened(operand))),
        other => other.clone(),
    }
}

fn depth(expr: &Expr) -> usize {
    1 + match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().map(depth).max().unwrap_or(0),
        Expr::Compare { left, right, .. } | Expr::Arithmetic { left, right, .. } => depth(left).max(depth(right)),
        Expr::Not(operand)
        | Expr::IsNull(operand)
        | Expr::In { operand, .. }
        | Expr::StartsWith { operand, .. }
        | Expr::Contains { operand, .. }
        | Expr::Field { operand, .. } => depth(operand),
        _ => 0,
    }
}
