// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Solvency} from "./Solvency.sol";
import {SolvencyHandler} from "./SolvencyHandler.sol";

contract SolvencyTokenTest is Solvency {
    function setUp() external {
        handler = new SolvencyHandler(false);
    }
}
