//! Variables and secrets of the deployment.

use crate::server::Config;
use std::cell::RefCell;
use std::rc::Rc;
use worker::Env;

thread_local! {
    /// A new deployment is a new isolate, so variables are read once.
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
}

/// The configuration, or what is wrong with it.
pub(super) fn of(env: &Env) -> Result<Rc<Config>, String> {
    if let Some(config) = CONFIG.with_borrow(Clone::clone) {
        return Ok(config);
    }
    let config = Rc::new(Config::from_vars(|name| env.var(name).ok().map(|value| value.to_string()))?);
    CONFIG.set(Some(Rc::clone(&config)));
    Ok(config)
}
