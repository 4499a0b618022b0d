mod effects;
mod file;
