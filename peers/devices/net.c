/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-net: an Ethernet frame behind a header of fixed size, out on one ring, in on the other. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <stddef.h>
#include <string.h>

#include "devices/request.h"

/* With VERSION_1 the header has this form, mergeable buffers or not. */
#define HEADER sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define RECEIVE_BUFFER (HEADER + 2048)

enum { WORD_MAC };

/* A locally administered address that tells frames apart. */
static void make_mac(uint8_t mac[ETH_ALEN], uint32_t value)
{
	uint32_t tail = htonl(value);

	mac[0] = 0x02;
	mac[1] = 'v';
	memcpy(mac + 2, &tail, sizeof(tail));
}

static uint64_t load_mac(const uint8_t mac[ETH_ALEN])
{
	uint64_t value = 0;

	for (size_t i = 0; i < ETH_ALEN; i++)
		value = value << 8 | mac[i];
	return value;
}

/* Who has 192.0.2.1? The addresses are set aside for documentation. */
static void fill_arp(uint8_t *frame, const uint8_t mac[ETH_ALEN])
{
	struct ether_header *ether = (struct ether_header *)frame;
	struct ether_arp *arp = (struct ether_arp *)(ether + 1);
	static const uint8_t sender[] = { 192, 0, 2, 2 }, target[] = { 192, 0, 2, 1 };

	memset(ether->ether_dhost, 0xff, ETH_ALEN);
	memcpy(ether->ether_shost, mac, ETH_ALEN);
	ether->ether_type = htons(ETHERTYPE_ARP);
	arp->arp_hrd = htons(ARPHRD_ETHER);
	arp->arp_pro = htons(ETHERTYPE_IP);
	arp->arp_hln = ETH_ALEN;
	arp->arp_pln = sizeof(target);
	arp->arp_op = htons(ARPOP_REQUEST);
	memcpy(arp->arp_sha, mac, ETH_ALEN);
	memcpy(arp->arp_spa, sender, sizeof(sender));
	memcpy(arp->arp_tpa, target, sizeof(target));
}

/* Unless told otherwise, frames differ by where in guest memory they lie. */
static int prepare_frame(struct vu_request *req, const struct vu_memory *mem,
			 struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	uint8_t *frame = vu_request_out(req, region, HEADER + ETH_ZLEN);
	uint8_t mac[ETH_ALEN];
	uint64_t value;

	(void)mem;
	if (!frame)
		return -ENOSPC;
	value = vu_arg_get(args, nargs, "value", (uint32_t)req->chain.buffers[0].guest);
	if (value > UINT32_MAX)
		return -EINVAL;
	make_mac(mac, (uint32_t)value);
	fill_arp(frame + HEADER, mac);
	req->word[WORD_MAC] = load_mac(mac);
	return 0;
}

/* Nothing comes back of a frame but its buffer. */
static void finish_frame(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	(void)mem;
	(void)written;
	vu_request_add_result(req, "mac", req->word[WORD_MAC]);
}

static int prepare_receive(struct vu_request *req, const struct vu_memory *mem,
			   struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	(void)mem;
	(void)args;
	(void)nargs;
	return vu_request_in(req, region, RECEIVE_BUFFER) ? 0 : -ENOSPC;
}

static void finish_receive(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	const uint8_t *packet = vu_request_answer(req, mem, 0);
	const struct ether_header *ether;

	if (!packet)
		return;
	if (written < HEADER + sizeof(*ether) || written > RECEIVE_BUFFER) {
		vu_request_complain(req,
				    "%u bytes were received; header and Ethernet header are %zu",
				    written, HEADER + sizeof(*ether));
		return;
	}
	ether = (const struct ether_header *)(packet + HEADER);
	vu_request_add_result(req, "len", written - HEADER);
	vu_request_add_result(req, "value", vu_load_le64(ether));
	vu_request_add_result(req, "mac", load_mac(ether->ether_shost));
	vu_request_add_result(req, "type", ntohs(ether->ether_type));
}

static int prepare_bad(struct vu_request *req, const struct vu_memory *mem,
		       struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	(void)mem;
	(void)region;
	(void)args;
	(void)nargs;
	vu_request_unmapped(req, HEADER + ETH_ZLEN, false);
	return 0;
}

static const struct vu_request_kind net_kinds[] = {
	{ "probe", "send an ARP request from a MAC made of a number: mac", "value", prepare_frame,
	  finish_frame },
	{ "receive", "an empty buffer: len of the frame, value (its first 8 bytes), mac, type", "",
	  prepare_receive, finish_receive },
	{ "bad", "send from an address where no memory is", "", prepare_bad, vu_request_ends },
	{ .name = NULL },
};

const struct vu_device vu_net = {
	.name = "net",
	.about = "virtio-net",
	.virtio_id = VIRTIO_ID_NET,
	/* More than one queue pair is in use only if the device may be told so. */
	.features = UINT64_C(1) << VIRTIO_NET_F_MQ | UINT64_C(1) << VIRTIO_NET_F_CTRL_VQ,
	.min_rings = 2,
	.probe_ring = 1,
	.ring_stride = 2,
	.config_size = offsetof(struct virtio_net_config, speed),
	.kinds = net_kinds,
	.background = "receive",
};
