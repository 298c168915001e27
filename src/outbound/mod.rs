//! The one way out to the network (S13): resolve once, refuse what may not be reached, connect to the checked address, within a time limit.
