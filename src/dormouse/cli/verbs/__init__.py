"""The verbs, a module each, loaded when they are used: so that none pays for what another one imports."""
