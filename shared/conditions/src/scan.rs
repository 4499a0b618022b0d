//! The look at a source before it is parsed: bounds that keep the parser within its stack, and what is refused by its spelling.
//!
//! The tokens are those of the parser itself, so that both always mean the same. It reads bytes outside texts as single
//! characters and must not be shown others, and it takes line breaks in texts and `0X1F`, which CEL does not have.

use cel::parser::pratt_parser::{Lexer, Token, TokenKind};

use crate::flaw::{Code, Flaw};
use crate::{DEPTH_MAX, SOURCE_MAX};

/// A token that is a node of the syntax tree or its name; they stand in the order in which the tree is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Byte of the source at which it starts.
    pub(crate) start: usize,
}

/// The leaves of `source`, or why it is not even parsed.
pub(crate) fn scan(source: &str) -> Result<Vec<Leaf>, Vec<Flaw>> {
    let length = source.chars().count();
    if length > SOURCE_MAX {
        return Err(vec![Flaw {
            at: SOURCE_MAX,
            code: Code::TooLong,
            text: format!("the condition has {length} characters; at most {SOURCE_MAX} are possible"),
        }]);
    }
    let tokens = tokens(source)?;
    let mut flaws = refused_spellings(source, &tokens);
    flaws.extend(nesting(source, &tokens));
    if !flaws.is_empty() {
        return Err(flaws);
    }
    Ok(tokens
        .iter()
        .filter(|token| is_leaf(token.kind))
        .map(|token| Leaf { start: token.start })
        .collect())
}

/// A flaw at a byte of the source.
pub(crate) fn flaw(source: &str, byte: usize, code: Code, text: impl Into<String>) -> Flaw {
    Flaw {
        at: source.char_indices().take_while(|(index, _)| *index < byte).count(),
        code,
        text: text.into(),
    }
}

fn tokens(source: &str) -> Result<Vec<Token>, Vec<Flaw>> {
    let mut lexer = Lexer::new(source);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.lex();
        match token.kind {
            TokenKind::TokEnd => return Ok(tokens),
            TokenKind::TokWhitespace | TokenKind::TokComment => {}
            // The rest may be read wrongly, so there is nothing more to say.
            TokenKind::TokError => {
                let reason = lexer
                    .get_error()
                    .map_or("unexpected character", |error| error.message.as_str());
                return Err(vec![flaw(source, token.start, Code::Syntax, reason)]);
            }
            _ => tokens.push(token),
        }
    }
}

fn is_leaf(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::TokIdent
            | TokenKind::TokReservedWord
            | TokenKind::TokInt
            | TokenKind::TokUint
            | TokenKind::TokFloat
            | TokenKind::TokString
            | TokenKind::TokBytes
            | TokenKind::TokNull
            | TokenKind::TokTrue
            | TokenKind::TokFalse
            // A list or an index.
            | TokenKind::TokLeftBracket
    )
}

fn refused_spellings(source: &str, tokens: &[Token]) -> Vec<Flaw> {
    let following = tokens.iter().skip(1).map(|token| Some(token.kind)).chain([None]);
    let mut flaws = Vec::new();
    for (token, next) in tokens.iter().zip(following) {
        let text = source.get(token.start..token.end).unwrap_or_default();
        let called = next == Some(TokenKind::TokLeftParen);
        if let Some((code, reason)) = refused_spelling(token.kind, text, called) {
            flaws.push(flaw(source, token.start, code, reason));
        }
    }
    flaws
}

fn refused_spelling(kind: TokenKind, text: &str, called: bool) -> Option<(Code, &'static str)> {
    match kind {
        TokenKind::TokLeftBrace => Some((Code::Unsupported, "maps and structures are not available")),
        TokenKind::TokIdent if text.starts_with('`') => {
            Some((Code::Unsupported, "names in backticks are not available"))
        }
        // The parser turns these into loops of which only their spelling tells what they were.
        TokenKind::TokIdent if called && matches!(text, "map" | "filter" | "exists_one" | "existsOne") => Some((
            Code::Unsupported,
            "of the list functions only `exists` and `all` are available",
        )),
        TokenKind::TokInt if text.starts_with("0X") => {
            Some((Code::Syntax, "write hexadecimal numbers with a small x: 0x1F"))
        }
        TokenKind::TokString if breaks_line(text) => Some((
            Code::Syntax,
            r"a text that is not in triple quotation marks ends on its line; write \n for a line break",
        )),
        _ => None,
    }
}

fn breaks_line(literal: &str) -> bool {
    let quoted = literal.trim_start_matches(['r', 'R']);
    let block = quoted.starts_with("\"\"\"") || quoted.starts_with("'''");
    !block && quoted.contains(['\n', '\r'])
}

/// The first place that is nested too deeply. A level is an open bracket, a choice whose end has not come, or a sign in a row
/// of signs.
fn nesting(source: &str, tokens: &[Token]) -> Option<Flaw> {
    let mut levels = Levels::default();
    let too_deep = tokens.iter().find(|token| levels.after(token.kind) > DEPTH_MAX)?;
    Some(flaw(source, too_deep.start, Code::TooDeep, too_deep_text()))
}

pub(crate) fn too_deep_text() -> String {
    format!("the condition is nested too deeply; at most {DEPTH_MAX} levels are possible")
}

#[derive(Default)]
struct Levels {
    /// Choices in each open bracket; what is outside all brackets counts in `choices`.
    open: Vec<usize>,
    choices: usize,
    signs: usize,
}

impl Levels {
    /// Levels once this token has come.
    fn after(&mut self, kind: TokenKind) -> usize {
        let sign = matches!(kind, TokenKind::TokExclamation | TokenKind::TokMinus);
        self.signs = if sign { self.signs.saturating_add(1) } else { 0 };
        match kind {
            TokenKind::TokLeftParen | TokenKind::TokLeftBracket => self.open.push(0),
            TokenKind::TokRightParen | TokenKind::TokRightBracket => {
                self.open.pop();
            }
            TokenKind::TokComma => *self.choices_here() = 0,
            TokenKind::TokQuestion => {
                let choices = self.choices_here();
                *choices = choices.saturating_add(1);
            }
            _ => {}
        }
        let choices = self.open.iter().copied().fold(self.choices, usize::saturating_add);
        self.open.len().saturating_add(choices).saturating_add(self.signs)
    }

    fn choices_here(&mut self) -> &mut usize {
        self.open.last_mut().unwrap_or(&mut self.choices)
    }
}
