mod apply;
mod effects;
mod file;
