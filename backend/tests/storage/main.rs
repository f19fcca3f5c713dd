//! What every store keeps to, told by claims that take any store, and what only the SQLite file and only PostgreSQL do.
//!
//! The model is a store too: what the others do is compared with it.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod connectors;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod meetings;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod mismatches;
#[cfg(test)]
mod model;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod postgres_server;
#[cfg(test)]
mod postgres_signals;
#[cfg(test)]
mod prompts;
#[cfg(test)]
mod push_delivery;
#[cfg(test)]
mod pushed_requests;
#[cfg(test)]
mod races;
#[cfg(test)]
mod redemptions;
#[cfg(test)]
mod registrations;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sequences;
#[cfg(test)]
mod sqlite_file;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod sweeps;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod user_codes;

/// Runs each claim on a fresh store of each kind; [`stores`] makes them.
macro_rules! every_store_keeps {
    ($($module:ident: $($claim:ident),+;)+) => {
        #[cfg(test)]
        mod every_store_keeps {
            every_store_keeps!(@store sqlite: $($module: $($claim),+;)+);
            every_store_keeps!(@store postgres: $($module: $($claim),+;)+);
            every_store_keeps!(@store model: $($module: $($claim),+;)+);
        }
    };
    (@store $store:ident: $($module:ident: $($claim:ident),+;)+) => {
        mod $store {
            $($(
                #[tokio::test]
                async fn $claim() {
                    crate::stores::$store(crate::$module::$claim).await;
                }
            )+)+
        }
    };
}

every_store_keeps! {
    accounts:
        a_hint_finds_by_the_attributes_it_may_use_and_compares_exactly,
        a_hint_that_names_two_people_is_told_apart,
        an_attribute_names_one_person,
        a_disabled_account_is_found_and_says_so;
    changes:
        the_mark_of_a_person_changes_with_whatever_their_streams_have_to_know,
        marks_tell_people_of_different_issuers_apart,
        of_many_requests_those_that_are_settled_are_found;
    clients:
        a_client_reads_back_as_it_was_added,
        a_removed_client_loses_its_grants_and_its_questions,
        a_question_that_was_over_stays_so_when_its_client_is_removed,
        a_client_that_takes_a_removed_ones_id_inherits_nothing;
    connectors:
        a_question_is_taken_in_once,
        of_the_same_question_many_times_at_once_one_is_new,
        a_result_is_owed_with_the_decision_and_told_when_its_provider_can_know,
        only_who_has_the_lease_begins_to_tell_and_says_how_it_ended,
        a_try_that_was_begun_and_never_ended_says_so,
        devices_are_told_whether_the_provider_knows,
        how_each_connector_fares_is_told,
        a_result_that_is_given_up_on_in_time_says_so,
        a_result_that_is_sent_again_is_owed_again,
        the_end_of_a_question_is_read_with_its_proof,
        a_client_of_the_same_name_takes_nothing_along_when_it_goes;
    decisions:
        the_first_decision_wins,
        a_report_is_found_by_person_and_client,
        of_a_hundred_parallel_decisions_one_is_recorded,
        the_same_decision_again_gets_the_same_answer,
        another_decision_under_the_same_jti_is_told_what_was_decided,
        an_expired_prompt_is_never_decided,
        a_decision_counts_only_for_its_person,
        a_revoked_device_decides_nothing,
        a_replaced_key_decides_nothing,
        a_disabled_person_decides_nothing,
        a_denial_reaches_the_request,
        a_prompt_of_another_provider_needs_no_account_here,
        an_approval_that_reaches_no_request_is_not_recorded;
    devices:
        a_device_reads_back_as_it_was_registered,
        the_same_key_again_renews_the_device,
        a_key_of_somebody_else_or_of_a_revoked_device_is_refused,
        a_device_without_keys_is_renewed_by_its_push_target,
        only_its_owner_changes_a_device,
        a_revoked_device_is_found_but_not_listed,
        keys_are_rotated_by_who_holds_the_present_one,
        keys_of_another_device_are_not_taken_over,
        a_push_target_is_replaced_on_active_devices_alone,
        a_touch_shows_at_once_and_never_goes_back;
    grants:
        a_code_is_used_once_and_its_reuse_revokes_what_came_of_it,
        a_code_that_does_not_match_stays_unused,
        a_code_can_be_looked_at_while_it_is_good,
        a_refresh_token_that_is_bound_to_a_key_is_presented_with_that_key,
        of_a_hundred_parallel_code_redemptions_one_is_granted,
        a_refresh_token_rotates_and_its_reuse_revokes_the_family,
        of_a_hundred_parallel_rotations_one_is_granted,
        tokens_of_a_disabled_person_stand_for_nothing,
        tokens_stand_for_nothing_once_they_are_over,
        revoking_an_access_token_leaves_the_rest,
        revoking_a_refresh_token_takes_the_family,
        a_client_revokes_only_its_own_tokens,
        a_family_goes_with_its_last_token;
    keys:
        the_first_key_signs_and_the_next_one_waits,
        promotion_retires_the_key_before_and_retired_ones_are_dropped,
        of_first_keys_that_meet_one_is_stored,
        of_a_dropped_request_key_the_announcement_stays;
    meetings:
        of_openings_that_meet_the_last_one_waits,
        a_decision_that_meets_a_newer_request_wins_or_is_told_that_it_is_late,
        a_device_that_is_revoked_meanwhile_leaves_no_token,
        a_client_that_is_removed_meanwhile_leaves_no_token,
        of_registrations_of_one_key_one_gets_it,
        of_registrations_that_cross_their_keys_one_gets_them;
    messages:
        a_message_holds_one_question,
        of_many_questions_in_one_message_at_once_one_is_taken;
    mismatches:
        wrong_numbers_are_counted_across_requests_until_a_right_one,
        the_same_wrong_decision_counts_once,
        an_approval_without_a_number_forgets_no_mismatch,
        two_devices_share_the_tries_of_a_prompt,
        a_device_that_started_with_less_ends_earlier,
        a_settled_or_foreign_prompt_counts_nothing,
        parallel_wrong_numbers_never_allow_more_than_the_tries;
    outbox:
        a_debt_is_due_when_its_request_is_settled_however_that_was,
        a_request_that_owes_nothing_leaves_nothing,
        a_claimed_debt_is_left_alone_until_its_lease_is_over,
        of_many_parallel_claims_each_debt_goes_to_one,
        a_late_worker_changes_nothing,
        a_debt_that_is_tried_again_waits_for_its_time,
        a_dead_debt_is_listed_and_can_be_sent_again_in_time,
        a_debt_past_its_deadline_is_given_up_on,
        payloads_are_erased_when_nobody_needs_them,
        a_removed_client_is_owed_nothing,
        arrears_count_what_is_due_and_tell_since_when;
    prompts:
        a_prompt_reads_back_as_it_was_opened,
        every_change_takes_the_next_number_of_its_person,
        what_waits_is_listed_oldest_first_without_what_is_over,
        a_newer_request_of_the_same_client_supersedes_older_ones,
        a_handle_is_opened_once_and_the_second_opening_leaves_nothing,
        history_has_the_proof_and_the_time_of_redemption;
    races:
        each_time_many_redeem_one_is_granted,
        whatever_meets_a_request_it_has_one_end;
    push_delivery:
        tokens_are_sealed_once_and_stay_what_is_delivered,
        of_many_parallel_sealings_one_records_tokens,
        sealing_and_redeeming_that_meet_bring_one_set_of_tokens,
        a_worker_that_lost_its_lease_seals_nothing,
        nothing_is_sealed_for_a_debt_or_a_client_of_another_name,
        a_result_without_tokens_is_told_as_it_is,
        a_request_that_expired_has_nothing_to_seal,
        whoever_was_switched_off_since_ends_the_request_without_tokens,
        a_device_that_was_revoked_since_or_a_missing_key_ends_the_request,
        tokens_that_are_given_up_on_are_revoked_and_never_sent_again,
        a_late_no_revokes_nothing,
        tokens_that_reach_nobody_in_time_are_revoked,
        a_request_that_is_over_is_not_turned_into_tokens,
        a_client_that_is_removed_takes_its_sealed_tokens_along;
    pushed_requests:
        a_pushed_request_is_taken_once_by_its_client_in_time,
        of_a_hundred_browsers_one_brings_the_pushed_request,
        pushed_requests_that_nobody_brought_are_swept;
    redemptions:
        an_approved_request_is_redeemed_once,
        of_a_hundred_parallel_redemptions_one_is_granted,
        a_request_that_is_not_approved_is_refused_with_its_state,
        an_approval_can_be_redeemed_until_its_readable_time_is_over,
        only_the_client_that_asked_redeems,
        whoever_was_switched_off_after_the_approval_blocks_it,
        whoever_is_switched_off_after_the_redemption_takes_the_tokens_along;
    registrations:
        a_client_is_replaced_by_who_saw_it_last,
        a_disabled_client_has_nothing_as_long_as_it_is_disabled,
        an_invitation_is_good_for_its_uses_and_its_time,
        of_parallel_registrations_as_many_are_added_as_were_invited,
        there_are_only_so_many_clients_that_registered_themselves;
    replay:
        what_was_seen_is_not_new_again_until_it_is_swept,
        of_a_hundred_parallel_sightings_one_is_new;
    sweeps:
        overdue_prompts_are_settled_as_of_their_deadline,
        sweeping_prompts_deletes_what_is_old_and_nothing_else,
        sweeping_grants_deletes_what_is_over_and_nothing_else;
    upstream:
        a_question_to_another_provider_is_due_at_once_and_goes_on,
        an_approval_elsewhere_is_redeemed_with_its_evidence,
        a_no_elsewhere_is_a_no,
        of_a_device_and_another_provider_the_first_one_wins,
        a_late_or_lost_answer_changes_nothing;
    user_codes:
        a_code_is_set_changed_and_cleared,
        after_the_last_free_try_everybody_waits,
        a_right_code_and_a_new_one_forget_the_tries,
        of_a_hundred_parallel_tries_five_are_let_through;
}
