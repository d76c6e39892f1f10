//! The simulated worlds of an ordinary run, and every state of the protocol in small.
//! Nothing here is tried again: what fails names the seed, or the steps, that repeat it.

mod protocol;
mod worlds;
