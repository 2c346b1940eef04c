// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {HeartbeatRegistry} from "../../contracts/HeartbeatRegistry.sol";
import {IHeartbeatRegistry} from "../../contracts/interfaces/IHeartbeatRegistry.sol";
import {vm} from "./Vm.sol";

/// @title What the registry says of a cycle, against counting the pushed bits one by one
/// @notice This contract also stands in for the rewards contract, which the registry asks two things.
contract EvidenceTest {
    uint32 private constant FIRST_CUT = 480_000 * 3_600;
    uint256 private constant FIRST_HOUR = 480_000;
    uint256 private constant HOURS = 24;
    uint256 private constant WORDS = 2;
    uint256 private constant VALIDATORS = 300;
    uint256 private constant REPORTERS = 3;

    HeartbeatRegistry private _one;
    HeartbeatRegistry private _three;

    error Wrong(uint256 index, uint256 seen, uint256 snapshots);

    function setUp() external {
        vm.warp(FIRST_CUT - 1 days);
        _one = deploy(1);
        _three = deploy(REPORTERS);
    }

    function asset() external pure returns (address) {
        return address(0);
    }

    function hasRole(bytes32, address) external pure returns (bool) {
        return false;
    }

    function testFuzz_Z05_Z08_R10_oneReporter(uint256 seed, uint16 rate) external {
        // Twice: five cycles on, the lane's slots hold the words of the first round.
        compare(_one, 1, seed, rate, 1);
        _one.clearRecord(4);
        compare(_one, 1, ~seed, rate, 5);
    }

    function testFuzz_Z05_R11_aMajorityOfThreeReporters(uint256 seed, uint16 rate) external {
        compare(_three, REPORTERS, seed, rate, 1);
    }

    /// @dev Pushes a made-up cycle and compares every answer of the registry with `naive`.
    function compare(
        HeartbeatRegistry registry,
        uint256 reporters,
        uint256 seed,
        uint16 rate,
        uint32 cycle
    ) private {
        for (uint256 hour = 0; hour < HOURS; ++hour) {
            vm.warp((FIRST_HOUR + (cycle - 1) * HOURS + hour + 1) * 3_600);
            for (uint256 r = 0; r < reporters; ++r) push(registry, seed, cycle, hour, r);
        }
        uint256 rateBps = 1 + (rate % 10_000);
        uint256[] memory eligible = registry.eligibleWords(cycle, rateBps, 0, WORDS);
        uint256 snapshots = countSnapshots(reporters, seed);
        assert(registry.snapshotCount(cycle) == snapshots);
        for (uint32 i = 0; i < VALIDATORS; ++i) {
            uint256 seen = naive(reporters, seed, i);
            bool is_ = (eligible[i / 256] >> (i % 256)) & 1 == 1;
            bool expected = snapshots != 0 && seen * 10_000 >= rateBps * snapshots;
            if (is_ != expected) revert Wrong(i, seen, snapshots);
        }
        // Asked one by one it says the same; a few suffice.
        for (uint32 i = uint32(seed % 7); i < VALIDATORS; i += 43) {
            assert(registry.appearances(i, cycle) == naive(reporters, seed, i));
        }
        assert(eligible[1] >> (VALIDATORS % 256) == 0);
    }

    function push(
        HeartbeatRegistry registry,
        uint256 seed,
        uint32 cycle,
        uint256 hour,
        uint256 r
    ) private {
        if (isMissing(seed, hour, r)) return;
        uint256[] memory words = new uint256[](WORDS);
        for (uint256 w = 0; w < WORDS; ++w) words[w] = wordOf(seed, hour, r, w);
        vm.prank(reporterOf(r));
        registry.pushStatus(words, uint32(FIRST_HOUR + (cycle - 1) * HOURS + hour));
    }

    /// @return seen Hours that count in which a majority saw the validator.
    function naive(
        uint256 reporters,
        uint256 seed,
        uint256 index
    ) private pure returns (uint256 seen) {
        uint256 majority = reporters / 2 + 1;
        for (uint256 hour = 0; hour < HOURS; ++hour) {
            uint256 sightings = 0;
            for (uint256 r = 0; r < reporters; ++r) {
                if (isMissing(seed, hour, r)) continue;
                sightings += (wordOf(seed, hour, r, index / 256) >> (index % 256)) & 1;
            }
            if (sightings >= majority) ++seen;
        }
    }

    function countSnapshots(
        uint256 reporters,
        uint256 seed
    ) private pure returns (uint256 snapshots) {
        for (uint256 hour = 0; hour < HOURS; ++hour) {
            uint256 pushes = 0;
            for (uint256 r = 0; r < reporters; ++r) if (!isMissing(seed, hour, r)) ++pushes;
            if (pushes >= reporters / 2 + 1) ++snapshots;
        }
    }

    /// @dev One push in eight fails.
    function isMissing(uint256 seed, uint256 hour, uint256 r) private pure returns (bool) {
        return uint256(keccak256(abi.encode(seed, hour, r))) % 8 == 0;
    }

    /// @dev Reporters see much the same: three in four validators are up.
    function wordOf(
        uint256 seed,
        uint256 hour,
        uint256 r,
        uint256 w
    ) private pure returns (uint256 word) {
        word =
            uint256(keccak256(abi.encode(seed, hour, w))) |
            uint256(keccak256(abi.encode(seed, hour, w, r)));
        if (w == WORDS - 1) word &= (1 << (VALIDATORS % 256)) - 1;
    }

    function deploy(uint256 reporters) private returns (HeartbeatRegistry registry) {
        registry = new HeartbeatRegistry(
            address(this),
            address(this),
            reporterOf(0),
            FIRST_CUT,
            4 hours
        );
        registry.setRewards(address(this));
        for (uint256 r = 1; r < reporters; ++r) registry.addReporter(reporterOf(r));
        for (uint256 done = 0; done < VALIDATORS;) {
            uint256 count = VALIDATORS - done < 256 ? VALIDATORS - done : 256;
            IHeartbeatRegistry.Entry[] memory entries = new IHeartbeatRegistry.Entry[](count);
            for (uint256 i = 0; i < count; ++i) {
                address node = address(uint160(0x10000 + done + i));
                entries[i] = IHeartbeatRegistry.Entry({node: node, fund: node, weight: 1});
            }
            registry.addValidators(entries);
            done += count;
        }
    }

    function reporterOf(uint256 r) private pure returns (address) {
        return address(uint160(0xb0b0 + r));
    }
}
