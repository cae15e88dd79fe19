/* SPDX-License-Identifier: Apache-2.0 */
/* One row a message: features it needs, clauses about it, functions that follow what it does. */
#include "event.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct vu_rule no_rule;

static const struct vu_rule main_rules[] = {
	[VU_GET_FEATURES] = { .reply = vu_reply_features },
	[VU_SET_FEATURES] = { .request = vu_set_features, .doubt = vu_doubt_features },
	[VU_SET_OWNER] = { .request = vu_set_owner },
	[VU_RESET_OWNER] = { .request = vu_reset_owner },
	[VU_SET_MEM_TABLE] = {
		.fd_clause = "msg.set-mem-table.one-fd-per-region",
		.counts_fds = true,
		.request = vu_set_mem_table,
		.reply = vu_reply_memory,
		.doubt = vu_doubt_memory,
	},
	[VU_SET_LOG_BASE] = {
		.fd_clause = "msg.set-log-base.shmfd-payload",
		.any_size = true,
		.request = vu_set_log_base,
	},
	[VU_SET_LOG_FD] = { .fd_clause = "msg.set-log-fd.carries-fd" },
	[VU_SET_VRING_NUM] = { .names_ring = true, .request = vu_set_vring_num },
	[VU_SET_VRING_ADDR] = { .names_ring = true, .request = vu_set_vring_addr },
	[VU_SET_VRING_BASE] = { .names_ring = true, .request = vu_set_vring_base },
	[VU_GET_VRING_BASE] = {
		.names_ring = true,
		.request = vu_get_vring_base,
		.reply = vu_reply_vring_base,
	},
	[VU_SET_VRING_KICK] = {
		.fd_clause = "msg.set-vring-kick.fd",
		.names_ring = true,
		.request = vu_set_vring_kick,
	},
	[VU_SET_VRING_CALL] = {
		.fd_clause = "msg.set-vring-call.fd",
		.names_ring = true,
		.request = vu_set_vring_call,
	},
	[VU_SET_VRING_ERR] = {
		.fd_clause = "msg.set-vring-err.fd",
		.names_ring = true,
		.request = vu_set_vring_err,
	},
	[VU_GET_PROTOCOL_FEATURES] = {
		.features_offered = VU_BIT(VU_F_PROTOCOL_FEATURES),
		.needs_clause = "msg.get-protocol-features.needs-bit30",
		.reply = vu_reply_protocol_features,
	},
	[VU_SET_PROTOCOL_FEATURES] = {
		.features_offered = VU_BIT(VU_F_PROTOCOL_FEATURES),
		.needs_clause = "msg.set-protocol-features.needs-bit30",
		.request = vu_set_protocol_features,
		.doubt = vu_doubt_protocol_features,
	},
	[VU_GET_QUEUE_NUM] = {
		.protocol_offered = VU_BIT(VU_PF_MQ),
		.needs_clause = "msg.get-queue-num.only-with-mq",
		.reply = vu_reply_queue_num,
	},
	[VU_SET_VRING_ENABLE] = {
		.features = VU_BIT(VU_F_PROTOCOL_FEATURES),
		.needs_clause = "msg.set-vring-enable.only-with-bit30",
		.names_ring = true,
		.request = vu_set_vring_enable,
	},
	[VU_SEND_RARP] = {
		.features_offered = VU_BIT(VU_F_PROTOCOL_FEATURES),
		.protocol_offered = VU_BIT(VU_PF_RARP),
		.needs_clause = "msg.send-rarp.only-with-rarp",
	},
	[VU_NET_SET_MTU] = {
		.features = VU_BIT(VU_F_NET_F_MTU),
		.features_offered = VU_BIT(VU_F_PROTOCOL_FEATURES),
		.protocol_offered = VU_BIT(VU_PF_MTU),
		.needs_clause = "msg.net-set-mtu.conditions",
	},
	[VU_SET_BACKEND_REQ_FD] = {
		.features_offered = VU_BIT(VU_F_PROTOCOL_FEATURES),
		.protocol_offered = VU_BIT(VU_PF_BACKEND_REQ),
		.needs_clause = "msg.set-backend-req-fd.conditions",
		.fd_clause = "msg.set-backend-req-fd.fd",
		.request = vu_set_backend_req_fd,
	},
	[VU_IOTLB_MSG] = {
		.features = VU_BIT(VU_F_IOMMU_PLATFORM),
		.needs_clause = "msg.iotlb-msg.only-with-iommu",
		.request = vu_iotlb_msg,
	},
	[VU_SET_VRING_ENDIAN] = {
		.protocol = VU_BIT(VU_PF_CROSS_ENDIAN),
		.needs_clause = "msg.set-vring-endian.only-when-negotiated",
		.names_ring = true,
		.request = vu_set_vring_endian,
	},
	[VU_GET_CONFIG] = {
		.protocol = VU_BIT(VU_PF_CONFIG),
		.needs_clause = "msg.get-config.only-when-negotiated",
		.any_reply_size = true,
		.reply = vu_reply_config,
	},
	[VU_SET_CONFIG] = {
		.protocol = VU_BIT(VU_PF_CONFIG),
		.needs_clause = "msg.set-config.only-when-negotiated",
	},
	[VU_CREATE_CRYPTO_SESSION] = {
		.protocol = VU_BIT(VU_PF_CRYPTO_SESSION),
		.needs_clause = "msg.crypto-create.only-when-negotiated",
		.any_size = true,
		.any_reply_size = true,
	},
	[VU_CLOSE_CRYPTO_SESSION] = {
		.protocol = VU_BIT(VU_PF_CRYPTO_SESSION),
		.needs_clause = "msg.crypto-close.only-when-negotiated",
	},
	[VU_POSTCOPY_ADVISE] = {
		.protocol = VU_BIT(VU_PF_PAGEFAULT),
		.needs_clause = "msg.postcopy-advise.only-with-pagefault",
		.request = vu_postcopy_advise,
	},
	[VU_POSTCOPY_LISTEN] = {
		.protocol = VU_BIT(VU_PF_PAGEFAULT),
		.needs_clause = "msg.postcopy-listen.only-with-pagefault",
		.request = vu_postcopy_listen,
		.doubt = vu_doubt_postcopy,
	},
	[VU_POSTCOPY_END] = {
		.protocol = VU_BIT(VU_PF_PAGEFAULT),
		.needs_clause = "msg.postcopy-end.only-with-pagefault",
		.request = vu_postcopy_end,
		.doubt = vu_doubt_postcopy,
	},
	[VU_GET_INFLIGHT_FD] = {
		.protocol = VU_BIT(VU_PF_INFLIGHT_SHMFD),
		.needs_clause = "msg.get-inflight-fd.only-when-negotiated",
	},
	[VU_SET_INFLIGHT_FD] = {
		.protocol = VU_BIT(VU_PF_INFLIGHT_SHMFD),
		.needs_clause = "msg.set-inflight-fd.only-when-negotiated",
		.fd_clause = "msg.set-inflight-fd.gives-buffer-back",
		.request = vu_set_inflight_fd,
	},
	[VU_GPU_SET_SOCKET] = { .fd_clause = "msg.gpu-set-socket.carries-fd" },
	[VU_RESET_DEVICE] = {
		.protocol_offered = VU_BIT(VU_PF_RESET_DEVICE),
		.needs_clause = "msg.reset-device.only-when-offered",
		.request = vu_reset_device,
	},
	[VU_VRING_KICK] = {
		.protocol = VU_BIT(VU_PF_INBAND_NOTIFICATIONS),
		.needs_clause = "msg.vring-kick.only-when-negotiated",
		.names_ring = true,
		.request = vu_vring_kick,
	},
	[VU_GET_MAX_MEM_SLOTS] = {
		.protocol = VU_BIT(VU_PF_CONFIGURE_MEM_SLOTS),
		.needs_clause = "msg.get-max-mem-slots.only-when-negotiated",
		.reply = vu_reply_max_mem_slots,
	},
	[VU_ADD_MEM_REG] = {
		.protocol = VU_BIT(VU_PF_CONFIGURE_MEM_SLOTS),
		.needs_clause = "mem.add-remove-need-slots",
		.fd_clause = "msg.add-mem-reg.one-fd",
		.request = vu_add_mem_reg,
		.reply = vu_reply_memory,
		.doubt = vu_doubt_memory,
	},
	[VU_REM_MEM_REG] = {
		.protocol = VU_BIT(VU_PF_CONFIGURE_MEM_SLOTS),
		.needs_clause = "mem.add-remove-need-slots",
		.fd_clause = "msg.rem-mem-reg.no-fd",
		.request = vu_rem_mem_reg,
		.reply = vu_reply_memory,
		.doubt = vu_doubt_memory,
	},
	[VU_SET_STATUS] = {
		.protocol = VU_BIT(VU_PF_STATUS),
		.needs_clause = "msg.set-status.only-when-negotiated",
		.request = vu_status,
	},
	[VU_GET_STATUS] = {
		.protocol = VU_BIT(VU_PF_STATUS),
		.needs_clause = "msg.get-status.only-when-negotiated",
		.reply = vu_status,
	},
	[VU_GET_SHARED_OBJECT] = {
		.protocol = VU_BIT(VU_PF_SHARED_OBJECT),
		.needs_clause = "msg.get-shared-object.conditions",
		.any_reply_size = true,
	},
	[VU_SET_DEVICE_STATE_FD] = {
		.protocol = VU_BIT(VU_PF_DEVICE_STATE),
		.needs_clause = "msg.set-device-state-fd.only-when-negotiated",
		.fd_clause = "msg.set-device-state-fd.carries-fd",
		.request = vu_set_device_state_fd,
		.reply = vu_reply_device_state_fd,
	},
	[VU_CHECK_DEVICE_STATE] = {
		.protocol = VU_BIT(VU_PF_DEVICE_STATE),
		.needs_clause = "msg.check-device-state.only-when-negotiated",
		.request = vu_check_device_state,
		.reply = vu_reply_check_device_state,
	},
	[VU_GET_SHMEM_CONFIG] = {
		.protocol = VU_BIT(VU_PF_SHMEM_MAP),
		.needs_clause = "msg.get-shmem-config.only-when-negotiated",
		.reply = vu_reply_shmem_config,
	},
};

static const struct vu_rule channel_rules[] = {
	[VU_BACKEND_IOTLB_MSG] = {
		.features = VU_BIT(VU_F_IOMMU_PLATFORM),
		.needs_clause = "bmsg.iotlb.only-with-iommu",
		.request = vu_iotlb_msg,
	},
	[VU_BACKEND_CONFIG_CHANGE_MSG] = {
		.protocol = VU_BIT(VU_PF_CONFIG),
		.needs_clause = "bmsg.config-change.only-when-negotiated",
	},
	[VU_BACKEND_VRING_HOST_NOTIFIER_MSG] = {
		.protocol = VU_BIT(VU_PF_HOST_NOTIFIER),
		.needs_clause = "bmsg.host-notifier.only-when-negotiated",
	},
	[VU_BACKEND_VRING_CALL] = {
		.protocol = VU_BIT(VU_PF_INBAND_NOTIFICATIONS),
		.needs_clause = "bmsg.vring-call.only-when-negotiated",
		.names_ring = true,
		.request = vu_channel_vring,
	},
	[VU_BACKEND_VRING_ERR] = {
		.protocol = VU_BIT(VU_PF_INBAND_NOTIFICATIONS),
		.needs_clause = "bmsg.vring-err.only-when-negotiated",
		.names_ring = true,
		.request = vu_channel_vring,
	},
	[VU_BACKEND_SHARED_OBJECT_ADD] = {
		.protocol = VU_BIT(VU_PF_SHARED_OBJECT),
		.needs_clause = "bmsg.shared-object.only-when-negotiated",
	},
	[VU_BACKEND_SHARED_OBJECT_REMOVE] = {
		.protocol = VU_BIT(VU_PF_SHARED_OBJECT),
		.needs_clause = "bmsg.shared-object.only-when-negotiated",
	},
	[VU_BACKEND_SHARED_OBJECT_LOOKUP] = {
		.protocol = VU_BIT(VU_PF_SHARED_OBJECT),
		.needs_clause = "bmsg.shared-object.only-when-negotiated",
		.reply = vu_reply_lookup,
	},
	[VU_BACKEND_SHMEM_MAP] = {
		.protocol = VU_BIT(VU_PF_SHMEM_MAP),
		.needs_clause = "bmsg.shmem-map.only-when-negotiated",
		.fd_clause = "bmsg.shmem-map.carries-fd",
	},
	[VU_BACKEND_SHMEM_UNMAP] = {
		.protocol = VU_BIT(VU_PF_SHMEM_MAP),
		.needs_clause = "bmsg.shmem-map.only-when-negotiated",
	},
};

/** vu_rule_of - the row of a message; an empty one for NULL or an id that has none. */
const struct vu_rule *vu_rule_of(const struct vu_message_info *info)
{
	if (!info)
		return &no_rule;
	if (info->channel == VU_MAIN)
		return info->id < LEN(main_rules) ? &main_rules[info->id] : &no_rule;
	return info->id < LEN(channel_rules) ? &channel_rules[info->id] : &no_rule;
}
