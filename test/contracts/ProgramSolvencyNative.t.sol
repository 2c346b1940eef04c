// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {ProgramHandler} from "./ProgramHandler.sol";
import {ProgramSolvency} from "./ProgramSolvency.sol";

contract ProgramSolvencyNativeTest is ProgramSolvency {
    function setUp() external {
        handler = new ProgramHandler(true);
    }
}
