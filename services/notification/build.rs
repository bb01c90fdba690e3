//! Templates and migrations are inside the binary; a new file among them must rebuild it.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=templates");
}
