//! Upstream sources that are more than an address: those that want credentials, feeds on other hosts, and what can be asked of
//! sources over REST.

mod credentials;
mod elsewhere;
mod health;
mod rest;
mod support;
