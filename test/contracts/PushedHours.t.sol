// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {PushedHours} from "../../contracts/libraries/PushedHours.sol";

/// @title Hours pushed by enough reporters, against counting hour by hour and seat by seat
contract PushedHoursTest {
    error Wrong(uint256 pushed, uint256 seats, uint256 least, uint256 hourOfCycle);

    function testFuzz_R11_countsWhatLoopingCounts(
        uint256 pushed,
        uint8 seats,
        uint8 some
    ) external pure {
        uint256 least = 1 + (some % 8);
        uint256 got = PushedHours.byAtLeast(pushed, seats, least);
        assert(got <= PushedHours.ALL);
        for (uint256 hour = 0; hour < 24; ++hour) {
            uint256 count = 0;
            for (uint256 seat = 0; seat < 8; ++seat) {
                bool counts = (uint256(seats) >> seat) & 1 == 1;
                if (counts) count += (pushed >> (8 * hour + seat)) & 1;
            }
            bool is_ = (got >> hour) & 1 == 1;
            if (is_ != (count >= least)) revert Wrong(pushed, seats, least, hour);
        }
    }

    function test_R11_ofNobodyAndOfAll() external pure {
        assert(PushedHours.byAtLeast(0, 0xff, 1) == 0);
        assert(PushedHours.byAtLeast(type(uint256).max, 0, 1) == 0);
        assert(PushedHours.byAtLeast(type(uint256).max, 0xff, 8) == PushedHours.ALL);
        assert(PushedHours.byAtLeast(type(uint256).max, 0x7f, 8) == 0);
    }
}
