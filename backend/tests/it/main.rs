//! The router in process: a manual clock, a real store, and actors that speak the wire.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken expectation fails the test"
)]

mod no_connectors;
mod stored;
mod token_kinds;
mod token_stage;
mod token_swaps;

mod cli_client;
mod cli_client_file;
mod cli_connector;
mod cli_postgres;

mod connector_alone;
mod connector_generic;
mod connector_generic_attacks;
mod connector_generic_members;
mod connector_generic_openapi;
mod connector_generic_results;
mod connector_generic_world;
mod connector_keycloak;
mod connector_provider;
mod connector_world;

mod doctor_connectors;
mod doctor_provider;

mod hostile_texts;
mod mtls_actor;

mod device_actor;
mod device_world;

mod device_classes;
mod device_decisions;
mod device_dpop;
mod device_forged_tokens;
mod device_history;
mod device_members;
mod device_missed;
mod device_nodes;
mod device_registration;
mod device_request_object;
mod device_silence;
mod device_stream;
mod device_swaps;
mod device_upkeep;
mod device_user_code;
mod device_vectors;

mod fapi_clients;
mod fapi_requests;
mod fapi_signatures;
mod mtls_client_auth;
mod mtls_listener;

mod outbound_addresses;
mod outbound_documents;
mod publisher;

mod op_auth0;
mod op_browser;
mod op_calling;
mod op_prover;
mod op_signed;
mod op_trigger;
mod op_world;

mod op_access_token_jwt;
mod op_authorize;
mod op_backchannel;
mod op_certificate_bound;
mod op_ciba_client;
mod op_ciba_grant;
mod op_client_auth;
mod op_client_keys;
mod op_client_management;
mod op_client_secret_jwt;
mod op_details;
mod op_details_refused;
mod op_disabled_client;
mod op_discovery;
mod op_dpop;
mod op_forged_objects;
mod op_forged_proofs;
mod op_forged_requests;
mod op_forged_tokens;
mod op_guessing;
mod op_hints;
mod op_hostile_requests;
mod op_jar;
mod op_key_rotation;
mod op_login_hint_token;
mod op_long_polls;
mod op_narrowing;
mod op_notification_token;
mod op_pairwise;
mod op_par;
mod op_parameters;
mod op_ping;
mod op_push;
mod op_push_retries;
mod op_raw_http;
mod op_receiver;
mod op_registration;
mod op_reported;
mod op_request_policy;
mod op_same_work;
mod op_signed_claims;
mod op_signed_request;
mod op_signed_rules;
mod op_switched_off;
mod op_tokens;
mod op_user_code;
