/* SPDX-License-Identifier: Apache-2.0 */
/* The table of quirks. A clause that several break is broken in another way by each. */
#include "quirks.h"

#include "play/quirks.h"

static const struct quirk_row rows[QUIRKS] = {
	/* the back-end channel */
	[QUIRK_BLOCKS_CHANNEL_WHILE_WAITING] = { "blocks-channel-while-waiting", "bch.fe-answers-while-waiting",
		"while a reply is due nothing on the channel is looked at",
		"QEMU before 6.0, and again since 7.2.22" },
	[QUIRK_CHANNEL_ACK_MISSING] = { "channel-ack-missing", "ack.on-backend-channel",
		"need_reply is ignored on the channel" },
	[QUIRK_CHANNEL_ACK_UNASKED] = { "channel-ack-unasked", "ack.on-backend-channel",
		"every request on the channel is acknowledged, asked or not" },
	[QUIRK_CHANNEL_ACK_INVERTED] = { "channel-ack-inverted", "bmsg.config-change.ack",
		"1 is success, 0 is failure" },
	[QUIRK_CHANNEL_REPLY_FLAG_MISSING] = { "channel-reply-flag-missing", "hdr.reply-flag-set-backend-channel",
		"replies on the channel look like requests" },
	[QUIRK_CHANNEL_REPLY_VERSION_0] = { "channel-reply-version-0", "hdr.version-one",
		"replies on the channel carry version 0" },
	[QUIRK_CHANNEL_REPLY_ID_WRONG] = { "channel-reply-id-wrong", "hdr.reply-id-matches-request",
		"a reply on the channel has the id of the next request" },
	[QUIRK_CHANNEL_REPLY_SHORT] = { "channel-reply-short", "pay.u64.eight-bytes",
		"the channel is answered in four bytes" },

	/* requests as such */
	[QUIRK_VERSION_0] = { "version-0", "hdr.version-one", "requests carry version 0" },
	[QUIRK_REPLY_FLAG_ON_REQUESTS] = { "reply-flag-on-requests", "hdr.reply-flag-clear-on-requests",
		"requests look like replies" },
	[QUIRK_UNDUE_DESCRIPTOR] = { "undue-descriptor", "comm.fds-only-on-listed-messages",
		"SET_OWNER comes with a descriptor" },

	/* negotiation */
	[QUIRK_FEATURE_NOT_OFFERED] = { "feature-not-offered", "feat.virtio-ack-only-offered",
		"a feature is acknowledged that was not offered" },
	[QUIRK_PROTOCOL_FEATURE_NOT_OFFERED] = { "protocol-feature-not-offered", "feat.ack-only-offered",
		"a protocol feature is acknowledged that was not offered" },
	[QUIRK_INBAND_ALONE] = { "inband-alone", "inband.not-alone",
		"in-band notifications are acknowledged without a channel" },
	[QUIRK_INFLIGHT_BASES_ALONE] = { "inflight-bases-alone",
		"msg.get-vring-base.inflight-bit-needs-shmfd",
		"bases with requests in flight are acknowledged without a buffer for them" },
	[QUIRK_PROTOCOL_FEATURES_WITHOUT_BIT_30] = { "protocol-features-without-bit-30",
		"msg.get-protocol-features.needs-bit30",
		"protocol features are asked for although bit 30 was not offered" },
	[QUIRK_OWNER_RESET] = { "owner-reset", "msg.reset-owner.not-sent", "RESET_OWNER is sent" },

	/* messages whose feature was not agreed upon */
	[QUIRK_QUEUE_NUM_UNNEGOTIATED] = { "queue-num-unnegotiated", "msg.get-queue-num.only-with-mq",
		"the number of queues is asked for without MQ" },
	[QUIRK_ENABLE_UNNEGOTIATED] = { "enable-unnegotiated", "msg.set-vring-enable.only-with-bit30",
		"rings are enabled without bit 30" },
	[QUIRK_CONFIG_READ_UNNEGOTIATED] = { "config-read-unnegotiated", "msg.get-config.only-when-negotiated",
		"the config space is read without CONFIG" },
	[QUIRK_RESET_UNNEGOTIATED] = { "reset-unnegotiated", "msg.reset-device.only-when-offered",
		"RESET_DEVICE is sent without its feature" },
	[QUIRK_STATUS_UNNEGOTIATED] = { "status-unnegotiated", "msg.set-status.only-when-negotiated",
		"the status is set without STATUS" },
	[QUIRK_STATUS_READ_UNNEGOTIATED] = { "status-read-unnegotiated", "msg.get-status.only-when-negotiated",
		"the status is asked for without STATUS" },
	[QUIRK_SLOTS_UNNEGOTIATED] = { "slots-unnegotiated", "msg.get-max-mem-slots.only-when-negotiated",
		"the number of slots is asked for without CONFIGURE_MEM_SLOTS" },
	[QUIRK_SLOT_REMOVAL_UNNEGOTIATED] = { "slot-removal-unnegotiated", "mem.add-remove-need-slots",
		"a region is removed without CONFIGURE_MEM_SLOTS" },
	[QUIRK_INFLIGHT_UNNEGOTIATED] = { "inflight-unnegotiated", "msg.get-inflight-fd.only-when-negotiated",
		"a buffer for requests in flight is asked for without INFLIGHT_SHMFD" },
	[QUIRK_POSTCOPY_UNNEGOTIATED] = { "postcopy-unnegotiated", "msg.postcopy-advise.only-with-pagefault",
		"postcopy is advised without PAGEFAULT" },
	[QUIRK_POSTCOPY_END_UNNEGOTIATED] = { "postcopy-end-unnegotiated", "msg.postcopy-end.only-with-pagefault",
		"postcopy ends without PAGEFAULT" },
	[QUIRK_SHMEM_UNNEGOTIATED] = { "shmem-unnegotiated", "msg.get-shmem-config.only-when-negotiated",
		"shared memory regions are asked for without SHMEM_MAP" },
	[QUIRK_RARP_UNNEGOTIATED] = { "rarp-unnegotiated", "msg.send-rarp.only-with-rarp",
		"SEND_RARP goes to a device that knows nothing of it" },
	[QUIRK_MTU_UNNEGOTIATED] = { "mtu-unnegotiated", "msg.net-set-mtu.conditions",
		"an MTU is set without its features" },
	[QUIRK_IOTLB_UNNEGOTIATED] = { "iotlb-unnegotiated", "msg.iotlb-msg.only-with-iommu",
		"IOTLB entries are sent without an IOMMU" },
	[QUIRK_ENDIAN_UNNEGOTIATED] = { "endian-unnegotiated", "msg.set-vring-endian.only-when-negotiated",
		"a byte order is set without CROSS_ENDIAN" },
	[QUIRK_KICK_UNNEGOTIATED] = { "kick-unnegotiated", "msg.vring-kick.only-when-negotiated",
		"a ring is kicked by a message without INBAND_NOTIFICATIONS" },

	/* memory and rings */
	[QUIRK_MEMORY_DESCRIPTOR_MISSING] = { "memory-descriptor-missing", "msg.set-mem-table.one-fd-per-region",
		"a region comes without its descriptor" },
	[QUIRK_KICK_DESCRIPTOR_MISSING] = { "kick-descriptor-missing", "msg.set-vring-kick.fd",
		"SET_VRING_KICK has neither a descriptor nor the bit that says so" },
	[QUIRK_CALL_DESCRIPTOR_MISSING] = { "call-descriptor-missing", "msg.set-vring-call.fd",
		"SET_VRING_CALL has neither a descriptor nor the bit that says so" },
	[QUIRK_CHANNEL_DESCRIPTOR_MISSING] = { "channel-descriptor-missing", "msg.set-backend-req-fd.fd",
		"a channel is announced without its descriptor" },
	[QUIRK_ENABLE_BY_TWO] = { "enable-by-two", "msg.set-vring-enable.values", "rings are enabled by 2" },
	[QUIRK_BASE_ASKED_WITH_NUM] = { "base-asked-with-num", "msg.get-vring-base.num-zero",
		"a number comes with GET_VRING_BASE" },
	[QUIRK_BASE_UPPER_BITS] = { "base-upper-bits", "pay.vring-base.split-upper-bits-zero",
		"the base of a split ring has upper bits" },

	/* device state */
	[QUIRK_STATE_DIRECTION_UNKNOWN] = { "state-direction-unknown", "pay.device-state.direction-values",
		"a state goes in direction 2" },
	[QUIRK_STATE_PHASE_UNKNOWN] = { "state-phase-unknown", "pay.device-state.phase-values",
		"a state is transferred in phase 1" },
	[QUIRK_STATE_CHECKED_FIRST] = { "state-checked-first", "msg.check-device-state.after-transfer",
		"CHECK_DEVICE_STATE comes before the transfer" },
};

static const struct quirk_table table = { rows, QUIRKS };

bool quirks_add(struct quirk_set *set, const char *name)
{
	size_t i = quirk_find(&table, name);

	return i < QUIRKS && (set->has[i] = true);
}

void quirks_list(FILE *out, bool json)
{
	quirk_list(&table, out, json);
}
