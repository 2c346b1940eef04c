// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {OnlineRate} from "../../contracts/libraries/OnlineRate.sol";
import {vm} from "./Vm.sol";

/// @title The online rate against its definition, and against the vectors that its TypeScript twin reads
contract OnlineRateTest {
    string private constant VECTORS = "test/vectors/online-rate.json";

    error Wrong(uint256 appearances, uint256 snapshots, uint256 rateBps);

    function testFuzz_Z05_thresholdIsTheLeastThatMeets(uint8 snapshots, uint16 rate) external pure {
        (uint256 n, uint256 rateBps) = (1 + (snapshots % 31), 1 + (rate % OnlineRate.BPS));
        uint256 least = OnlineRate.threshold(n, rateBps);
        for (uint256 seen = 0; seen <= n; ++seen) {
            if (OnlineRate.meets(seen, n, rateBps) != (seen >= least))
                revert Wrong(seen, n, rateBps);
        }
        // All hours always suffice.
        assert(least <= n);
    }

    function testFuzz_Z05_meetsIsAsDefinedWithoutDividing(
        uint8 appearances,
        uint8 snapshots,
        uint16 rate
    ) external pure {
        (uint256 seen, uint256 n) = (appearances % 32, 1 + (snapshots % 31));
        uint256 rateBps = 1 + (rate % OnlineRate.BPS);
        // A hundredth of a percent more precisely than bps, so that rounding would show.
        bool naive = (seen * 1e8) / n >= rateBps * 1e4;
        bool exact = seen * 10_000 >= rateBps * n;
        if (OnlineRate.meets(seen, n, rateBps) != exact) revert Wrong(seen, n, rateBps);
        // Where rounding down cannot hide a fraction, both definitions agree.
        if ((seen * 1e8) % n == 0) assert(naive == exact);
    }

    function testFuzz_Z05_isMonotonic(
        uint8 appearances,
        uint8 snapshots,
        uint16 rate
    ) external pure {
        (uint256 seen, uint256 n) = (appearances % 31, 1 + (snapshots % 31));
        uint256 rateBps = 2 + (rate % (OnlineRate.BPS - 1));
        if (!OnlineRate.meets(seen, n, rateBps)) return;
        assert(OnlineRate.meets(seen + 1, n, rateBps));
        assert(OnlineRate.meets(seen, n, rateBps - 1));
    }

    function testFuzz_Z06_nobodyMeetsWithoutSnapshots(uint256 seen, uint16 rate) external pure {
        assert(!OnlineRate.meets(seen % 32, 0, rate % (OnlineRate.BPS + 1)));
    }

    function test_Z05_twentyOf24IsInAnd19IsOut() external pure {
        assert(OnlineRate.meets(20, 24, 8_000));
        assert(!OnlineRate.meets(19, 24, 8_000));
        assert(OnlineRate.meets(4, 5, 8_000));
        assert(!OnlineRate.meets(3, 5, 8_000));
    }

    function test_Z05_agreesWithTheVectorsOfItsTwin() external view {
        string memory json = vm.readFile(VECTORS);
        uint256 i = 0;
        for (; vm.keyExistsJson(json, key(i, "")); ++i) {
            uint256 seen = vm.parseJsonUint(json, key(i, ".appearances"));
            uint256 snapshots = vm.parseJsonUint(json, key(i, ".snapshots"));
            uint256 rateBps = vm.parseJsonUint(json, key(i, ".rateBps"));
            bool meets = vm.parseJsonBool(json, key(i, ".meets"));
            uint256 threshold = vm.parseJsonUint(json, key(i, ".threshold"));
            if (OnlineRate.meets(seen, snapshots, rateBps) != meets) {
                revert Wrong(seen, snapshots, rateBps);
            }
            if (OnlineRate.threshold(snapshots, rateBps) != threshold) {
                revert Wrong(seen, snapshots, rateBps);
            }
        }
        // An empty or misread file proves nothing.
        assert(i >= 50);
    }

    function key(uint256 i, string memory field) private pure returns (string memory) {
        return string.concat("$[", vm.toString(i), "]", field);
    }
}
