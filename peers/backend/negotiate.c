/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is offered, what was agreed upon, and what a message needs of it.
 *
 * Not offered, because nothing stands behind it:
 *   XEN_MMAP        needs the grant and foreign memory devices of a Xen host
 *   CROSS_ENDIAN    rings are little-endian since VERSION_1; there is no legacy device here
 *   CRYPTO_SESSION  no crypto device; the payload has no layout in the spec
 *   NOTIFICATION_DATA, RING_RESET  have no form on an event descriptor
 */
#include <errno.h>
#include <string.h>

#include "deviations.h"

#define BIT(n) (UINT64_C(1) << (n))

uint64_t offered_features(const struct backend *be)
{
	return (be->ops->features | BIT(VU_F_PROTOCOL_FEATURES) | BIT(VU_F_VERSION_1) |
		BIT(VU_F_LOG_ALL) | BIT(VU_F_INDIRECT_DESC) | BIT(VU_F_EVENT_IDX) |
		BIT(VU_F_RING_PACKED) | BIT(VU_F_IN_ORDER) | BIT(VU_F_IOMMU_PLATFORM)) &
	       ~be->opt->without;
}

bool has_trait(const struct backend *be, enum vu_service_trait trait)
{
	return (be->ops->traits | be->opt->traits) & trait;
}

static uint64_t offered_for_device(const struct backend *be)
{
	uint64_t bits = 0;

	if (be->ops->config_size && be->ops->config_size(be->service))
		bits |= BIT(VU_PF_CONFIG);
	if (be->ops->save)
		bits |= BIT(VU_PF_DEVICE_STATE);
	/* the front-end sets status 0 on every stop, which is a reset */
	if (!has_trait(be, VU_SERVICE_RESET_LOSES) || quirk(be, QUIRK_STATUS_WIPES_STATE))
		bits |= BIT(VU_PF_STATUS);
	if (has_trait(be, VU_SERVICE_OBJECTS))
		bits |= BIT(VU_PF_SHARED_OBJECT);
	if (has_trait(be, VU_SERVICE_SHMEM))
		bits |= BIT(VU_PF_SHMEM_MAP);
	if (has_trait(be, VU_SERVICE_DOORBELLS))
		bits |= BIT(VU_PF_HOST_NOTIFIER);
	if (be->ops->network)
		bits |= BIT(VU_PF_RARP) | BIT(VU_PF_MTU);
	return bits;
}

uint64_t offered_protocol(const struct backend *be)
{
	uint64_t bits = BIT(VU_PF_MQ) | BIT(VU_PF_LOG_SHMFD) | BIT(VU_PF_REPLY_ACK) |
			BIT(VU_PF_BACKEND_REQ) | BIT(VU_PF_BACKEND_SEND_FD) |
			BIT(VU_PF_INFLIGHT_SHMFD) | BIT(VU_PF_RESET_DEVICE) |
			BIT(VU_PF_INBAND_NOTIFICATIONS) | BIT(VU_PF_CONFIGURE_MEM_SLOTS) |
			BIT(VU_PF_GET_VRING_BASE_INFLIGHT) | BIT(VU_PF_GPA_ADDRESSES);

	if (quirk(be, QUIRK_MQ_NOT_OFFERED))
		bits &= ~BIT(VU_PF_MQ);
	if (quirk(be, QUIRK_INFLIGHT_BIT_ALONE))
		bits &= ~BIT(VU_PF_INFLIGHT_SHMFD);
	if (be->postcopy_works)
		bits |= BIT(VU_PF_PAGEFAULT);
	return draft_offer(be, bits | offered_for_device(be)) & ~be->opt->without_protocol;
}

bool has_feature(const struct backend *be, unsigned int bit)
{
	return be->features & BIT(bit);
}

bool has_protocol(const struct backend *be, unsigned int bit)
{
	return be->protocol & BIT(bit);
}

/* Bit 30 is in force as soon as it is offered, until features are set without it. */
static bool in_force(const struct backend *be, const struct vu_feature *f)
{
	if (f->kind == VU_PROTOCOL_FEATURE)
		return has_protocol(be, f->bit) ||
		       (quirk(be, QUIRK_CHANNEL_UNNEGOTIATED) && f->bit == VU_PF_BACKEND_REQ);
	return has_feature(be, f->bit) || (f->bit == VU_F_PROTOCOL_FEATURES && !be->features_set);
}

/* The messages of protocol features go by those alone: bit 30 needs to be offered only. */
static bool excused(const struct vu_message_info *info, const struct vu_feature *f)
{
	return f->kind == VU_VIRTIO_FEATURE && f->bit == VU_F_PROTOCOL_FEATURES &&
	       info->id != VU_SET_VRING_ENABLE;
}

bool may_use(const struct backend *be, const struct vu_message_info *info)
{
	bool drafted = vu_draft_has(be->opt->dialect, info);

	for (const char *const *name = info->requires; *name; name++) {
		const struct vu_feature *f = vu_feature_by_name(*name);

		if (drafted && draft_has(be, *name))
			continue;
		if (drafted || (f && !excused(info, f) && !in_force(be, f)))
			return false;
	}
	return true;
}

int get_features(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	vu_message_set_u64(reply, quirk(be, QUIRK_FEATURES_CHANGE) && be->features_set
					  ? be->features
					  : offered_features(be));
	return ANSWERED;
}

/* A feature that changes how rings are read cannot change while they are being read. */
static bool changes_rings(const struct backend *be, uint64_t features)
{
	const uint64_t layout =
		BIT(VU_F_RING_PACKED) | BIT(VU_F_EVENT_IDX) | BIT(VU_F_IOMMU_PLATFORM);

	return !suspended(be) && (be->features ^ features) & layout;
}

static void put_in_force(struct backend *be, uint64_t features)
{
	be->features = features;
	be->features_set = true;
	be->map.logging = has_feature(be, VU_F_LOG_ALL) && !quirk(be, QUIRK_LOG_NEVER);
	be->map.iommu = has_feature(be, VU_F_IOMMU_PLATFORM) && !quirk(be, QUIRK_IOTLB_IGNORED);
	if (be->ops->acked)
		be->ops->acked(be->service, features);
}

int set_features(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint64_t features = vu_get(msg, "u64"), before = be->features;

	(void)reply;
	if (quirk(be, QUIRK_FEATURES_LATCHED) && be->features_set)
		return DONE;
	if (quirk(be, QUIRK_BIT_30_REQUIRED) && !(features & BIT(VU_F_PROTOCOL_FEATURES)))
		return -EINVAL;
	if (features & ~offered_features(be))
		return -EINVAL;
	if (changes_rings(be, features))
		return -EBUSY;
	be->odd.refeatured |= be->features_set;
	put_in_force(be, features);
	if (!has_feature(be, VU_F_PROTOCOL_FEATURES) && !quirk(be, QUIRK_ENABLED_NEVER) &&
	    !quirk(be, QUIRK_SET_FEATURES_TESTS_LOG_ALL))
		rings_enable_all(be, true);
	deviation_features(be, before);
	return DONE;
}

int set_owner(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	be->odd.ownerless = false;
	(void)msg;
	(void)reply;
	return DONE;
}

/* Deprecated, and used with two meanings: it is ignored. */
int reset_owner(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	(void)reply;
	if (quirk(be, QUIRK_OWNER_RESET_HANGS))
		deviation_hang();
	if (quirk(be, QUIRK_OWNER_RESET_STOPS))
		device_reset(be);
	if (quirk(be, QUIRK_OWNER_RESET_FORGETS))
		deviation_forget(be);
	return DONE;
}

int get_protocol_features(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	be->odd.asked = true;
	if (quirk(be, QUIRK_PROTOCOL_FEATURES_TOO_EARLY) && !be->features_set)
		return -EINVAL;
	vu_message_set_u64(reply, offered_protocol(be) << quirk(be, QUIRK_BITS_COUNTED_FROM_ONE));
	return ANSWERED;
}

/* Every feature comes with those that the spec demands beside it. */
static bool complete(uint64_t protocol)
{
	for (size_t i = 0; i < vu_nfeatures; i++) {
		const struct vu_feature *f = &vu_features[i];

		if (f->kind != VU_PROTOCOL_FEATURE || !(protocol & BIT(f->bit)))
			continue;
		for (const char *const *name = f->requires; *name; name++)
			if (!(protocol & BIT(vu_feature_by_name(*name)->bit)))
				return false;
	}
	return true;
}

int set_protocol_features(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint64_t protocol = vu_get(msg, "u64"), drafted = vu_draft_bits(be->opt->dialect);

	(void)reply;
	if (protocol & ~offered_protocol(be))
		return -EINVAL;
	if (!complete(protocol & ~drafted) && !quirk(be, QUIRK_INBAND_ALONE))
		return -EPROTO;
	be->protocol = protocol & ~drafted;
	be->drafted.features = protocol & drafted;
	return DONE;
}

/* Queues as the device type counts them: of a net device that is pairs. */
int get_queue_num(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint64_t num = be->ops->network ? be->opt->service.queues : be->nrings;

	(void)msg;
	if (quirk(be, QUIRK_QUEUE_NUM_OVERSTATED))
		num++;
	vu_message_set_u64(reply, quirk(be, QUIRK_QUEUE_NUM_ZERO) ? 0 : num);
	return ANSWERED;
}
