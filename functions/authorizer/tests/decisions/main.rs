//! Whom the authorizer lets through, and what it says when it cannot know.

mod keys;
mod support;
mod tokens;
